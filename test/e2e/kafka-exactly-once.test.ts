import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planHead } from '../../pipelines/loop/loop-context.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { capturePath, captures } from '../support/captures.ts'
import { openCutReader, type CutReader, type Sighting } from '../support/cut-reader.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import { openExistingLake, openLocalLake } from '../support/local-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'

const TOPIC = 'binance'
const PARTITION_COUNT = 4
const files = [capturePath(captures.btc8), capturePath(captures.eth8)]
const lineCount = BigInt(captures.btc8.lines + captures.eth8.lines)
const tradeCount = BigInt(captures.btc8.trades + captures.eth8.trades)
const quoteCount = BigInt(captures.btc8.quotes + captures.eth8.quotes)

/** Small cuts, so that there are many of them. */
function configText(broker: KafkaBroker, directory: string, port: number): string {
  return [
    `lake: ${JSON.stringify(directory)}`,
    `catalog: { port: ${port} }`,
    `kafka: { brokers: ${JSON.stringify(broker.brokers)} }`,
    `sources: [{ topic: ${TOPIC}, format: binance-frames, start: earliest }]`,
    'trigger: { time_ms: 500, rows: 2000 }',
    '',
  ].join('\n')
}

/** A `sluice live` that kills itself at a point of its work; answers its log. */
async function runUntilKilled(config: string, fault: string): Promise<string> {
  const live = startSluice(['live', '--config', config], { SLUICE_FAULT: fault })
  const code = await live.ended
  expect(code, live.output()).toBe(null)
  return live.output()
}

/** Looks at the lake again and again until all messages are in it, or the signal. */
async function watch(reader: CutReader, sightings: Sighting[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const sighting = await reader.look()
    sightings.push(sighting)
    if (sighting.rows?.bronze === lineCount) return
    await delay(50)
  }
}

/** How many cuts landed, and how many data files of silver no cut names. */
async function readTraces(directory: string): Promise<{ cuts: bigint; unnamedFiles: number }> {
  const lake = await openExistingLake(directory)
  try {
    const sql = 'SELECT count(*) AS n FROM t WHERE source IS NULL'
    const [row] = await readRows<{ n: bigint }>(lake, 'sluice.cuts', sql)
    const heads = await loadHeads(lake)
    let unnamedFiles = 0
    for (const name of ['trades', 'quotes']) {
      const { tasks } = await planHead(lake, headOf(heads, `silver.${name}`), [])
      const data = join(directory, 'warehouse', 'silver', name, 'data')
      const found = await readdir(data, { recursive: true })
      unnamedFiles += found.filter((file) => file.endsWith('.parquet')).length - tasks.length
    }
    return { cuts: row?.n ?? 0n, unnamedFiles }
  } finally {
    await lake.close()
  }
}

await describeWithService(['kafka', 'data'], 'two captures through Kafka, killed twice', () => {
  let lake: Lake
  /** What undoes the set-up, the last first; it may have got stuck anywhere. */
  const undo: (() => Promise<unknown>)[] = []
  const sightings: Sighting[] = []
  const logs: string[] = []
  const traces: { cuts: bigint; unnamedFiles: number }[] = []
  let end: { code: number | null; ms: number; log: string }

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-e2e-'))
    undo.unshift(() => rm(folder, { recursive: true, force: true }))
    const directory = join(folder, 'lake')
    const config = join(folder, 'sluice.yaml')
    const broker = await startKafka()
    undo.unshift(() => broker.stop())
    await broker.createTopic(TOPIC, PARTITION_COUNT)
    const [livePort = 0, readerPort = 0] = await freePorts(2)
    await writeFile(config, configText(broker, directory, livePort))
    await (await openExistingLake(directory)).close()

    const catalog = startSluice(['catalog', '--lake', directory, '--port', String(readerPort)])
    undo.unshift(() => catalog.stop('SIGTERM'))
    const [, url = ''] = await catalog.waitFor(/(http:\S+) serves/)
    const reader = await openCutReader(url)
    undo.unshift(() => reader.close())
    const stop = new AbortController()
    const watched = watch(reader, sightings, stop.signal)
    undo.unshift(() => {
      stop.abort()
      return watched.catch(() => undefined)
    })

    const brokers = broker.brokers.join(',')
    const where = ['--topic', TOPIC, '--brokers', brokers, '--format', 'binance-frames', '--json']
    const produced = runSluice(['produce', ...where, ...files])
    for (const fault of ['dataFilesWritten@4', 'commitLanded@5']) {
      logs.push(await runUntilKilled(config, fault))
      traces.push(await readTraces(directory))
    }
    expect(JSON.parse((await produced).stdout)).toEqual({ topic: TOPIC, sent: Number(lineCount) })
    end = await runToTheEnd(config, watched)
    lake = await openExistingLake(directory)
    undo.unshift(() => lake.close())
  })

  async function runToTheEnd(config: string, watched: Promise<void>) {
    const live = startSluice(['live', '--config', config])
    const died = live.ended.then(() => {
      throw new Error(`live ended too early:\n${live.output()}`)
    })
    await Promise.race([watched, died])
    const askedMs = performance.now()
    const code = await live.stop('SIGTERM')
    return { code, ms: performance.now() - askedMs, log: live.output() }
  }

  afterAll(async () => {
    for (const step of undo) await step()
  })

  it('was killed once before the commit was sent, and once before its answer was used', () => {
    expect(logs[0]).toContain('fault: SIGKILL at dataFilesWritten, time 4')
    // Three cuts landed; of the fourth there are only files that nothing names.
    expect(traces[0]?.cuts).toBe(3n)
    expect(traces[0]?.unnamedFiles).toBeGreaterThan(0)
    expect(logs[1]).toContain('fault: SIGKILL at commitLanded, time 5')
    // The fifth commit landed, although the process that sent it never saw the answer.
    expect(traces[1]).toEqual({ cuts: 8n, unnamedFiles: traces[0]?.unnamedFiles })
  })

  it('ends at SIGTERM with code 0, in five seconds', () => {
    expect(end.code, end.log).toBe(0)
    expect(end.ms).toBeLessThan(5000)
  })

  it('took in every message of the topic once, without a hole in its positions', async () => {
    expect(await receiptProblems(lake)).toEqual([])
    const decoded = tradeCount + quoteCount
    expect(await readTotals(lake)).toEqual({
      ...{ message_count: lineCount, decoded_count: decoded, rejected_count: 0n },
      ...{ ignored_count: lineCount - decoded, row_count: decoded, silver_count: decoded },
      ...{ duplicate_count: 0n, refused_count: 0n },
    })
    const [ends] = await readRows(
      lake,
      'sluice.cuts',
      'SELECT sum(e)::BIGINT AS n FROM (SELECT max(end_offset) AS e FROM t ' +
        'WHERE source IS NOT NULL GROUP BY source, source_partition)',
    )
    expect(ends).toEqual({ n: lineCount })
  })

  it('has the trades of both symbols without a hole or a double', async () => {
    const ids = await readRows(
      lake,
      'silver.trades',
      'SELECT venue_symbol, count(*) AS n, count(DISTINCT trade_seq) AS ids, ' +
        'max(trade_seq) - min(trade_seq) + 1 AS span FROM t GROUP BY ALL ORDER BY ALL',
    )
    const lineOf = (symbol: string, count: number) => {
      const n = BigInt(count)
      return { venue_symbol: symbol, n, ids: n, span: n }
    }
    expect(ids).toEqual([
      lineOf('BTCUSDT', captures.btc8.trades),
      lineOf('ETHUSDT', captures.eth8.trades),
    ])
  })

  it('showed a reader whole cuts only, in their order', async () => {
    const cuts = await readRows<{ cut_number: bigint; snapshot_ids: string }>(
      lake,
      'sluice.cuts',
      'SELECT cut_number, snapshot_ids FROM t WHERE source IS NULL',
    )
    const headsOf = new Map(
      cuts.map((cut) => [
        Number(cut.cut_number),
        JSON.parse(cut.snapshot_ids) as Record<string, string>,
      ]),
    )
    headsOf.set(0, {})
    expect(sightings.flatMap((sighting) => brokenHeads(sighting, headsOf))).toEqual([])
    expect(sightings.flatMap(brokenRows)).toEqual([])
    const seen = sightings.flatMap(({ firstCut, lastCut }) => [firstCut, lastCut])
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    // It looked while cuts were landing, before, between and after the kills.
    expect(new Set(seen).size).toBeGreaterThan(8)
  })

  it('holds the same content as a backfill of the same files', async () => {
    const other = await openLocalLake()
    try {
      await backfill(
        { lake: other.lake, format: 'binance-frames', files, writer: 'test' },
        new AbortController().signal,
      )
      expect(await readContentHashes(lake)).toEqual(await readContentHashes(other.lake))
    } finally {
      await other.close()
    }
  })
})

/** Each head must be named by a cut that was the last one at some instant of the look. */
function brokenHeads(
  { firstCut, lastCut, heads }: Sighting,
  headsOf: ReadonlyMap<number, Readonly<Record<string, string>>>,
): string[] {
  const tables = new Set([...Object.keys(heads), ...Object.keys(headsOf.get(lastCut) ?? {})])
  return [...tables].filter((table) => {
    for (let cut = firstCut; cut <= lastCut; cut++) {
      if (headsOf.get(cut)?.[table] === heads[table]) return false
    }
    return true
  })
}

/** What the rows of one cut contradict in each other. */
function brokenRows({ lastCut, rows }: Sighting): string[] {
  if (rows === undefined) return []
  const claims: Record<string, boolean> = {
    'a row for each cut': rows.cuts === BigInt(lastCut),
    'bronze as told': rows.bronze === rows.toldMessages,
    'silver as told': rows.trades + rows.quotes === rows.toldRows,
    'bars over all trades': rows.tradesInBars === rows.trades,
    'spreads over all quotes': rows.quotesInSpreads === rows.quotes,
    'nothing rejected': rows.rejected === 0n,
  }
  const broken = Object.entries(claims).filter(([, isTrue]) => !isTrue)
  return broken.map(([claim]) => `cut ${lastCut}: not ${claim}`)
}
