import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { decodePositions, POSITIONS_PROPERTY } from '../../pipelines/loop/loop-state.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { startRestFixture } from '../../stack/iceberg-java.ts'
import { openRestCatalog } from '../../tables/catalog/rest-catalog.ts'
import type { RestAuth } from '../../tables/catalog/rest-client-auth.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { committedCut } from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { createListSource } from '../support/list-source.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice, type RunningSluice } from '../support/sluice-process.ts'
import { makeStockHours } from '../support/stock-hours.ts'

const TOPIC = 'stocks'
const TOKEN = 'a-token-that-nobody-guesses'

const hours = makeStockHours(18, new Map([[14, 'one']]))
/** What a file of lines can hold. */
const lines = hours.messages.flatMap(({ payload }) =>
  typeof payload === 'string' ? [payload] : [],
)

/** A catalog that is not the lake's own, and how the process that uses it shows who it is. */
interface Elsewhere {
  readonly uri: string
  readonly token?: string
}

await describeWithService(['kafka', 'iceberg-java'], 'sluice live over a catalog elsewhere', () => {
  let folder: string
  let broker: KafkaBroker
  let straight: Record<string, string>
  /** What undoes the set-up, the last first. */
  const undo: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-elsewhere-'))
    undo.unshift(() => rm(folder, { recursive: true, force: true }))
    broker = await startKafka()
    undo.unshift(() => broker.stop())
    await broker.createTopic(TOPIC, 1)
    const file = join(folder, 'lines.json')
    await writeFile(file, `${lines.join('\n')}\n`)
    const where = ['--topic', TOPIC, '--brokers', broker.brokers.join(','), '--json']
    const sent = await runSluice(['produce', ...where, '--format', 'stock-json', file])
    expect(JSON.parse(sent.stdout), sent.stderr).toMatchObject({ sent: lines.length })
    straight = await straightHashes()
  })

  afterAll(async () => {
    for (const step of undo) await step()
  })

  /**
   * Writes the config of a lake; cuts are small, so that there are many. Each start is a group of
   * its own: it need not wait until the broker takes a killed one for dead.
   */
  async function writeConfig(name: string, { uri }: Elsewhere): Promise<string> {
    const config = join(folder, `${name}.yaml`)
    const text = [
      `lake: ./${name}`,
      `rest_catalog: { uri: "${uri}" }`,
      `kafka: { brokers: ${JSON.stringify(broker.brokers)}, group_id: ${randomIds.uuid()} }`,
      `sources: [{ topic: ${TOPIC}, format: stock-json, start: earliest }]`,
      'trigger: { time_ms: 100, rows: 20 }',
    ]
    await writeFile(config, `${text.join('\n')}\n`)
    return config
  }

  async function start(name: string, at: Elsewhere, fault?: string): Promise<RunningSluice> {
    return startSluice(['live', '--config', await writeConfig(name, at)], {
      ...(at.token === undefined ? {} : { SLUICE_REST_TOKEN: at.token }),
      ...(fault === undefined ? {} : { SLUICE_FAULT: fault }),
    })
  }

  /** Starts live again and again, killed at each fault, and once more until all is read. */
  async function runThrough(name: string, at: Elsewhere, faults: readonly string[]) {
    for (const fault of faults) {
      const live = await start(name, at, fault)
      expect(await live.ended, live.output()).toBe(null)
      expect(live.output()).toContain(`fault: SIGKILL at ${fault.replace('@', ', time ')}`)
    }
    const live = await start(name, at)
    const over = new AbortController()
    const ended = live.ended.finally(() => over.abort())
    while (!over.signal.aborted && (await readEnd(at)) < BigInt(lines.length)) await delay(50)
    expect(over.signal.aborted, live.output()).toBe(false)
    await live.stop('SIGTERM')
    expect(await ended, live.output()).toBe(0)
    if (at.token !== undefined) expect(live.output()).not.toContain(at.token)
  }

  /** The lake holds what one run from the first message to the last holds. */
  async function expectStraight(name: string, at: Elsewhere): Promise<void> {
    const lake = await openLake({
      directory: join(folder, name),
      ...{ clock: systemClock, ids: randomIds, createIfMissing: false },
      secrets: { catalog: { token: at.token } },
    })
    try {
      expect(await receiptProblems(lake)).toEqual([])
      expect(await readTotals(lake)).toMatchObject({ message_count: BigInt(lines.length) })
      expect(await readContentHashes(lake)).toEqual(straight)
    } finally {
      await lake.close()
    }
  }

  it('goes on where it was killed, with a catalog that commits one table at a time', async () => {
    const fixture = await startRestFixture({ warehouse: `file://${folder}/fixture` })
    undo.unshift(() => fixture.stop())
    const faults = ['journalWritten@2', 'tableCommitted@4', 'tableCommitted@11', 'commitLanded@1']
    await runThrough('journaled', fixture, faults)
    await expectStraight('journaled', fixture)
  })

  it('goes on where it was killed, with the catalog of another Sluice that asks for a token', async () => {
    const home = join(folder, 'home')
    await (await openExistingLake(home)).close()
    const [port = 0] = await freePorts(1)
    const catalog = startSluice(['catalog', '--lake', home, '--port', String(port)], {
      SLUICE_CATALOG_TOKEN: TOKEN,
    })
    undo.unshift(() => catalog.stop('SIGTERM'))
    const [, uri = ''] = await catalog.waitFor(/(http:\S+) serves/)
    const at = { uri, token: TOKEN }
    const stranger = await runSluice(['live', '--config', await writeConfig('atomic', at)])
    expect(stranger.code).toBe(2)
    expect(stranger.stderr).toContain('SLUICE_REST_TOKEN')
    await runThrough('atomic', at, ['commitSent@2', 'commitLanded@3'])
    await expectStraight('atomic', at)
    // The lake whose catalog it is holds the tables.
    const lake = await openExistingLake(home)
    expect(await readContentHashes(lake)).toEqual(straight)
    await lake.close()
  })
})

/** How far the lake has read the topic, by the catalog alone. */
async function readEnd({ uri, token }: Elsewhere): Promise<bigint> {
  const auth: RestAuth = token === undefined ? { kind: 'none' } : { kind: 'bearer', token }
  const catalog = await openRestCatalog({ uri, clock: systemClock, auth })
  try {
    const cuts = await catalog.loadTable(tableId('sluice.cuts'))
    if (cuts === undefined) return 0n
    const { metadata } = cuts
    const text = metadata.properties[POSITIONS_PROPERTY] ?? ''
    const state = decodePositions(text, committedCut(metadata)?.cutNumber ?? 0)
    const ends = [...(state?.parts.values() ?? [])].map(({ endOffset }) => endOffset)
    return ends.reduce((a, b) => a + b, 0n)
  } finally {
    await catalog.close()
  }
}

/** The content after one run over the same lines, with the catalog that a lake has by itself. */
async function straightHashes(): Promise<Record<string, string>> {
  const lake = await openMemoryLake({ clock: systemClock })
  const part = { source: `kafka:${TOPIC}`, partition: 0 }
  const messages = lines.map((payload, index) => {
    return { part, format: 'stock-json', offset: BigInt(index), payload }
  })
  try {
    await runMicroBatches(
      {
        lake,
        source: createListSource({
          ...{ messages, batchSizes: [lines.length] },
          ...{ scratchDir: lake.scratchDir, ids: randomIds },
        }),
        mode: 'live',
        writer: 'test',
        limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      },
      new AbortController().signal,
    )
    return await readContentHashes(lake)
  } finally {
    await lake.close()
  }
}
