import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePorts } from '../../stack/free-ports.ts'
import { send } from '../pipelines/sources/kafka-rig.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { readRows } from '../support/lake-content.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { describeWithService } from '../support/service.ts'
import { startSluice } from '../support/sluice-process.ts'

await describeWithService('kafka', 'a sluice live that stands by', () => {
  let broker: KafkaBroker
  let folder: string
  beforeAll(async () => {
    broker = await startKafka()
    folder = await mkdtemp(join(tmpdir(), 'sluice-standby-'))
  })
  afterAll(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('waits for the writer by name, and goes on from its last cut when that is killed', async () => {
    await broker.createTopic('stood-by', 1)
    const numbered = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ value: `m${from + index}` }))
    await send(broker.brokers, 'stood-by', numbered(0, 5))
    const config = join(folder, 'sluice.yaml')
    const [port = 0] = await freePorts(1)
    await writeFile(
      config,
      [
        'lake: ./lake',
        `catalog: { port: ${port} }`,
        `kafka: { brokers: ${JSON.stringify(broker.brokers)} }`,
        'sources: [{ topic: stood-by, format: stock-json }]',
        'trigger: { time_ms: 300 }',
        '',
      ].join('\n'),
    )
    const holder = startSluice(['live', '--config', config])
    await holder.waitFor(/cuts/)
    const standby = startSluice(['live', '--config', config, '--standby'])
    const [, pid] = await standby.waitFor(/standing by: sluice live, process (\d+) on/)
    expect(pid).toBe(String(holder.pid))
    const idle = startSluice(['live', '--config', config, '--standby'])
    await idle.waitFor(/standing by/)
    expect(await idle.stop('SIGTERM'), idle.output()).toBe(0)

    await holder.stop('SIGKILL')
    await send(broker.brokers, 'stood-by', numbered(5, 5))
    await standby.waitFor(/taking over/)
    await standby.waitFor(/cuts/)
    expect(await standby.stop('SIGTERM'), standby.output()).toBe(0)
    const lake = await openExistingLake(join(folder, 'lake'))
    const rows = await readRows<{ payload: string }>(
      lake,
      'bronze.trade_messages',
      'SELECT payload FROM t ORDER BY source_offset',
    )
    const writers = await readRows<{ n: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT count(DISTINCT writer) AS n FROM t',
    )
    await lake.close()
    expect(rows.map(({ payload }) => payload)).toEqual(numbered(0, 10).map(({ value }) => value))
    expect(writers).toEqual([{ n: 2n }])
  })
})
