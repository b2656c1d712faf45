import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePorts } from '../../stack/free-ports.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'

interface Plan {
  readonly wouldRun: boolean
  readonly problems: readonly string[]
  readonly sinks: readonly { readonly name: string; readonly problem?: string }[]
  readonly topics: readonly {
    readonly partitions: readonly {
      readonly startOffset: string
      readonly waitingCount: string
      readonly isKnownToLake: boolean
    }[]
  }[]
}

await describeWithService('kafka', 'sluice produce, check and live on a real broker', () => {
  let folder: string
  let broker: KafkaBroker
  let config: string
  let lake: string
  const topic = 'stocks'
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-live-'))
    lake = join(folder, 'lake')
    broker = await startKafka()
    await broker.createTopic(topic, 4)
    const [port] = await freePorts(1)
    config = join(folder, 'sluice.yaml')
    await writeFile(
      config,
      `lake: ./lake\ncatalog: {port: ${port}}\nkafka: {brokers: ["${broker.brokers.join('","')}"]}\n` +
        `sources: [{topic: ${topic}, format: stock-json}]\ntrigger: {time_ms: 300}\n` +
        `sinks: [{name: seen, type: console, table: silver.quotes, where: "venue = 'NASDAQ'"}]\n`,
    )
  })
  afterAll(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const produce = async (...args: readonly string[]): Promise<number> => {
    const brokers = broker.brokers.join(',')
    const done = await runSluice([
      ...['produce', '--topic', topic, '--brokers', brokers, '--json'],
      ...args,
    ])
    expect(done.code, done.stderr).toBe(0)
    return (JSON.parse(done.stdout) as { sent: number }).sent
  }

  const plan = async (): Promise<Plan & { readonly code: number | null }> => {
    const { code, stdout } = await runSluice(['check', '--config', config, '--json'])
    return { ...(JSON.parse(stdout) as Plan), code }
  }

  const waiting = ({ topics }: Plan): number =>
    (topics[0]?.partitions ?? []).reduce((sum, each) => sum + Number(each.waitingCount), 0)

  it('sends, says what waits, takes it in once, and goes on after a stop', async () => {
    const simulated = await produce('--rate', '500', '--duration', '3s')
    expect(simulated).toBeGreaterThan(100)
    const before = await plan()
    expect(before).toMatchObject({ code: 0, wouldRun: true, problems: [] })
    expect(waiting(before)).toBe(simulated)

    await runLiveUntilEmpty()
    const after = await plan()
    expect(waiting(after)).toBe(0)
    expect(after.topics[0]?.partitions.some((each) => each.isKnownToLake)).toBe(true)
    expect(await bronzeCount()).toBe(simulated)

    const file = join(folder, 'more.json')
    await writeFile(file, oneQuote)
    expect(await produce('--format', 'stock-json', file)).toBe(1)
    await runLiveUntilEmpty()
    expect(await bronzeCount()).toBe(simulated + 1)
  })

  it('gives rows to a sink once their cut is committed, each as an object a line', async () => {
    const file = join(folder, 'for the sink.json')
    await writeFile(file, oneQuote.replace('QTE_001', 'QTE_SINK'))
    await produce('--format', 'stock-json', file)
    const live = startSluice(['live', '--config', config])
    const [line] = await live.waitFor(/^\{"cut":.*"quote_id":"QTE_SINK".*$/m)
    expect(await live.stop('SIGTERM'), live.output()).toBe(0)
    expect(JSON.parse(line)).toMatchObject({ table: 'silver.quotes', bid_price: '175.45000000' })
  })

  it('stamps the time at which a message was handed over', async () => {
    const sql =
      "SELECT count(*) FROM bronze.trade_messages WHERE headers LIKE '%received-ts-us%' " +
      'OR received_ts IS NULL'
    const done = await runSluice(['sql', sql, '--lake', lake, '--format', 'csv'])
    expect(done.stdout.split('\r\n')[1]).toBe('0')
  })

  it('says a topic that is not there before anything is started', async () => {
    const other = join(folder, 'other.yaml')
    await writeFile(
      other,
      `lake: ./other\nkafka: {brokers: ["${broker.brokers.join('","')}"]}\n` +
        'sources: [{topic: bonds, format: stock-json}]\n',
    )
    const checked = await runSluice(['check', '--config', other])
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(/would not run:[^]*bonds/)
    const live = await runSluice(['live', '--config', other])
    expect(live.code).toBe(1)
    expect(live.stderr).toMatch(/sluice: storage-unavailable: .*bonds/)
  })

  it('says of which sinks the topic is not there, and where the others stand', async () => {
    const other = join(folder, 'sinks.yaml')
    const sink = (name: string, more: string): string =>
      `  - {name: ${name}, table: silver.quotes, ${more}}\n`
    await writeFile(
      other,
      `lake: ./lake\nkafka: {brokers: ["${broker.brokers.join('","')}"]}\n` +
        `sources: [{topic: ${topic}, format: stock-json}]\nsinks:\n` +
        sink('seen', `type: console, where: "venue = 'NASDAQ'"`) +
        sink('sent', `type: kafka, topic: ${topic}`) +
        sink('files', 'type: parquet, folder: ./export/of/quotes'),
    )
    const whole = await runSluice(['check', '--config', other])
    expect(whole, whole.stderr).toMatchObject({ code: 0 })
    expect(whole.stdout).toMatch(
      /sink seen, .*\n {2}where .*\n {2}goes on behind cut \d+\nsink sent[^]*\nit would run\n/,
    )
    await appendFile(other, sink('lost', 'type: kafka, topic: bonds'))
    const checked = await runSluice(['check', '--config', other])
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(
      /it would run, but a sink would get nothing:\n {2}Sink lost sends to topic "bonds"/,
    )
    const { stdout } = await runSluice(['check', '--config', other, '--json'])
    const { wouldRun, sinks } = JSON.parse(stdout) as Plan
    expect(wouldRun).toBe(true)
    expect(sinks.filter(({ problem }) => problem !== undefined).map(({ name }) => name)).toEqual([
      'lost',
    ])
    expect(await readdir(folder)).not.toContain('export')
  })

  /** Runs live until the log line of a cut that leaves nothing waiting, then SIGTERM. */
  async function runLiveUntilEmpty(): Promise<void> {
    const live = startSluice(['live', '--config', config])
    await live.waitFor(/"msg":"started"/)
    while (waiting(await plan()) > 0) await live.waitFor(/"msg":"cuts"/)
    expect(await live.stop('SIGTERM'), live.output()).toBe(0)
  }

  async function bronzeCount(): Promise<number> {
    const sql =
      'SELECT (SELECT count(*) FROM bronze.trade_messages) + ' +
      '(SELECT count(*) FROM bronze.quote_messages)'
    const done = await runSluice(['sql', sql, '--lake', lake, '--format', 'csv'])
    expect(done.code, done.stderr).toBe(0)
    return Number(done.stdout.split('\r\n')[1])
  }
})

const oneQuote =
  '{"quote_id":"QTE_001","symbol":"AAPL","bid":175.45,"ask":175.55,' +
  '"timestamp":"2025-01-15T10:30:00Z","exchange":"NASDAQ"}\n'
