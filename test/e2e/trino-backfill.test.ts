import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unzipSync } from 'fflate'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../pipelines/backfill/backfill.ts'
import { SCRATCH_NAMESPACE } from '../../pipelines/backfill/by-trino/scratch-run.ts'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { loadHeads } from '../../pipelines/loop/loop-context.ts'
import { createSimulator } from '../../pipelines/producers/simulator.ts'
import type { ColumnMapping } from '../../pipelines/sources/column-mapping.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { findOrphanFiles, ORPHAN_AGE_MS_MIN } from '../../tables/maintain/remove-orphan-files.ts'
import { capturePath, captures, type Capture } from '../support/captures.ts'
import { dataPath } from '../support/data.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import { openLocalLake, type LocalLake } from '../support/local-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'
import { sharedTrino, type TestTrino } from '../support/trino.ts'

/** A lake whose tables a Trino sees under a name of their own. */
interface SeenLake extends LocalLake {
  readonly server: RestServer
  readonly name: string
}

const DAY_MS = 86_400_000

/** LEAN's lines by a mapping: their time of day is taken for one since 1970, in the order of cells. */
const leanAsCsv: ColumnMapping = {
  kind: 'trade',
  columns: { event_ts: 1, price: 2, quantity: 3, conditions: 5 },
  constants: { venue: 'mapped', venue_symbol: 'SPY' },
  time: { unit: 'ms' },
  hasHeader: false,
}

await describeWithService(['trino', 'data'], 'backfills by Trino', () => {
  let folder: string
  let trino: TestTrino
  let lakes: LocalLake[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-trino-backfill-'))
    trino = await sharedTrino()
  })
  afterEach(async () => {
    for (const lake of lakes) await lake.close()
    lakes = []
  })
  afterAll(async () => {
    await trino.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function openLake(): Promise<LocalLake> {
    const lake = await openLocalLake()
    lakes.push(lake)
    return lake
  }

  async function openSeenLake(): Promise<SeenLake> {
    const local = await openLocalLake()
    const server = await startRestServer({ catalog: servedCatalogOf(local.lake), port: 0 })
    const name = `seen_${new URL(server.url).port}`
    await trino.attach(name, server.url)
    const close = async () => {
      await trino.detach(name)
      await server.close()
      await local.close()
    }
    const seen = { ...local, server, name, close }
    lakes.push(seen)
    return seen
  }

  const run = (
    lake: Lake,
    format: BackfillOptions['format'],
    files: readonly string[],
    more = {},
  ) => {
    const mapped = format === 'csv' ? { mapping: leanAsCsv } : {}
    const options: BackfillOptions = { lake, format, files, writer: 'test', ...mapped, ...more }
    return backfill(options, new AbortController().signal)
  }

  const byTrino = ({ name }: SeenLake, cutRows: number) => ({
    byTrino: { trino: { url: trino.url, user: 'test', catalog: name }, cutRows },
  })

  async function writeLines(name: string, lines: readonly (string | Uint8Array)[]) {
    const path = join(folder, name)
    await writeFile(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), NEWLINE])))
    return path
  }

  async function leanFile(day: string, count: number): Promise<string> {
    const [[name, csv] = ['', new Uint8Array()]] = Object.entries(
      unzipSync(readFileSync(dataPath(`lean-us-equity/tick/spy_${day}_trade.zip`))),
    )
    return writeLines(name, Buffer.from(csv).toString('latin1').split('\n').slice(0, count))
  }

  async function inputOf(format: (typeof formats)[number]): Promise<readonly string[]> {
    if (format === 'csv') return [await leanFile('20131009', 9000)]
    if (format === 'lean-trades') {
      return [await leanFile('20131007', 4000), await leanFile('20131008', 4000)]
    }
    if (format === 'binance-frames') {
      const day8 = captureLines(captures.btc8).slice(-5000)
      const day9 = captureLines(captures.btc9).slice(0, 5000)
      const { lost, late } = cutOutOf(day8)
      const kept = day8.filter((line) => !lost.includes(line))
      // What the first day had already, a part of the second day twice, and some of what was lost.
      const again = [...day8.slice(-300), ...day9.slice(1000, 2000), ...late]
      return [
        await writeLines('day-8.jsonl', [...kept, ...brokenFrames]),
        await writeLines('day-9.jsonl', [...day9, ...again]),
      ]
    }
    return [await writeLines('stock.jsonl', simulatedLines(9000))]
  }

  const formats = ['binance-frames', 'lean-trades', 'stock-json', 'csv'] as const

  it.each(formats)('of %s give the rows and the receipts of DuckDB', async (format) => {
    const files = await inputOf(format)
    const { lake: expected } = await openLake()
    await run(expected, format, files)
    const seen = await openSeenLake()
    const cutRows = 6000
    const limits = { rows: cutRows / 2, bytes: 64 * 1024 * 1024, timeMs: 60_000 }
    const cuts: number[] = []
    const options = {
      ...byTrino(seen, cutRows),
      limits,
      onCut: ({ cutNumber }: { cutNumber: number }) => cuts.push(cutNumber),
    }
    const result = await run(seen.lake, format, files, options)
    expect(result).toMatchObject({ partsRead: files.length, partsSkipped: 0, isComplete: true })
    expect(cuts).toEqual([1, 2])
    await expectEqual(seen.lake, expected)
    const gaps = await readRows(
      seen.lake,
      'silver.gaps',
      'SELECT from_seq, to_seq, healed_cut FROM t ORDER BY from_seq',
    )
    expect(gaps).toEqual(format === 'binance-frames' ? missingNumbers() : [])
    await expectNoScratch(seen.lake)

    const heads = await headIds(seen.lake)
    const again = await run(seen.lake, format, files, options)
    expect(again).toMatchObject({ partsRead: 0, partsSkipped: files.length, isComplete: true })
    expect(await headIds(seen.lake)).toEqual(heads)
  })

  it('refuse what overlaps the lake, and commit nothing of it', async () => {
    const seen = await openSeenLake()
    const file = await leanFile('20131009', 200)
    await run(seen.lake, 'lean-trades', [file])
    const heads = await headIds(seen.lake)
    const longer = await leanFile('20131009', 300)
    const refused = run(seen.lake, 'lean-trades', [longer], byTrino(seen, 5000))
    await expect(refused).rejects.toThrow(/overlaps what the lake holds on 1 day/)
    expect(await headIds(seen.lake)).toEqual(heads)
    await expectNoScratch(seen.lake)
  })

  it('say which lake Trino must see, and leave nothing behind where it sees another', async () => {
    const seen = await openSeenLake()
    const file = await leanFile('20131009', 100)
    const options = { byTrino: { trino: { url: trino.url, user: 'test', catalog: 'nowhere' } } }
    const failed = run(seen.lake, 'lean-trades', [file], options)
    await expect(failed).rejects.toThrow(/catalog nowhere .* does not show this lake.*query \d+_/s)
    expect(await readTotals(seen.lake)).toMatchObject({ message_count: 0n })
    await expectNoScratch(seen.lake)
  })

  /** The second of two days, while a statement of somebody else lands just before its commit. */
  async function duringCommit(seen: SeenLake, files: readonly string[], statement: string) {
    await run(seen.lake, 'lean-trades', files.slice(0, 1))
    let isDone = false
    const dataFilesWritten = async () => {
      if (isDone) return
      isDone = true
      await trino.run(statement)
    }
    const heads = await headIds(seen.lake)
    const hooks = { dataFilesWritten }
    const ended = run(seen.lake, 'lean-trades', files, { ...byTrino(seen, 5000), hooks })
    const error: unknown = await ended.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return { error, heads }
  }

  it('merge again where somebody else changes gold meanwhile', async () => {
    const files = [await leanFile('20131007', 1000), await leanFile('20131008', 1000)] as const
    const { lake: expected } = await openLake()
    await run(expected, 'lean-trades', files)
    const seen = await openSeenLake()
    const bars = `${seen.name}.gold.bars`
    const statement = `DELETE FROM ${bars} WHERE open_ts = (SELECT min(open_ts) FROM ${bars})`
    const { error } = await duringCommit(seen, files, statement)
    expect(error).toBeUndefined()
    await expectEqual(seen.lake, expected)
    await expectNoScratch(seen.lake)
  })

  it('give up where somebody else changes silver meanwhile', async () => {
    const files = [await leanFile('20131007', 500), await leanFile('20131008', 500)] as const
    const seen = await openSeenLake()
    const trades = `${seen.name}.silver.trades`
    const statement = `INSERT INTO ${trades} SELECT * FROM ${trades} LIMIT 1`
    const { error, heads } = await duringCommit(seen, files, statement)
    expect(isErrorKind(error, 'commit-conflict'), String(error)).toBe(true)
    expect(String(error)).toMatch(/while Trino derived this one/)
    const now = await headIds(seen.lake)
    expect({ ...now, 'silver.trades': heads['silver.trades'] }).toEqual(heads)
    await expectNoScratch(seen.lake)
  })

  it.each([
    ['while Trino works', 'decode the trades', undefined],
    ['before the commit', undefined, 'dataFilesWritten'],
    ['after the commit', undefined, 'commitLanded'],
  ])('that are killed %s leave nothing that the next run does not mend', async (_, step, fault) => {
    const file = await leanFile('20131010', 1500)
    const { lake: expected } = await openLake()
    await run(expected, 'lean-trades', [file])
    const seen = await openSeenLake()
    const args = ['backfill', '--lake', seen.directory, '--format', 'lean-trades', file]
    const trinoArgs = ['--engine', 'trino', '--trino', trino.url, '--trino-catalog', seen.name]
    const killed = startSluice(
      [...args, ...trinoArgs],
      fault === undefined ? {} : { SLUICE_FAULT: fault },
    )
    if (step !== undefined) {
      await killed.waitFor(new RegExp(step))
      await killed.stop('SIGKILL')
    }
    expect(await killed.ended).toBeNull()
    const isCommitted = fault === 'commitLanded'
    expect((await readTotals(seen.lake)).message_count).toBe(isCommitted ? 1500n : 0n)
    expect(await seen.lake.catalog.listNamespaces()).toContainEqual([SCRATCH_NAMESPACE])

    const mended = isCommitted
      ? await runSluice(['maintain', 'orphans', '--delete', '--lake', seen.directory])
      : await runSluice([...args, ...trinoArgs, '--json'])
    expect(mended.code, mended.stderr).toBe(0)
    if (!isCommitted) {
      expect(JSON.parse(mended.stdout)).toMatchObject({
        partsRead: 1,
        messageCount: 1500,
        cutCount: 1,
      })
    }
    await expectEqual(seen.lake, expected)
    await expectNoScratch(seen.lake)
  })
})

const NEWLINE = Buffer.from('\n')

const brokenFrames: readonly (string | Uint8Array)[] = [
  '1723075200000000000 {"stream":"btcusdt@trade","data":{"e":"trade"',
  'no frame at all',
  Buffer.from([0xff, 0xfe, 0x41]),
  '1723075200000000000 {"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":1,"p":"x","q":"1"}}',
]

/** Fifty trades that a file of the capture lacks, and those of them that the next one brings. */
function cutOutOf(lines: readonly string[]) {
  const lost = lines.filter((line) => line.includes('@trade"')).slice(100, 150)
  return { lost, late: lost.slice(20) }
}

/** What silver.gaps says of them once both files are in: the second cut has those that come late. */
function missingNumbers() {
  const { lost, late } = cutOutOf(captureLines(captures.btc8).slice(-5000))
  const numberOf = (line: string | undefined) => BigInt(/"t":([0-9]+)/.exec(line ?? '')?.[1] ?? '')
  const [first, back, last] = [lost[0], late[0], lost.at(-1)].map(numberOf)
  return [
    { from_seq: first, to_seq: (back ?? 0n) - 1n, healed_cut: null },
    { from_seq: back, to_seq: last, healed_cut: 2n },
  ]
}

function captureLines(capture: Capture): readonly string[] {
  return gunzipSync(readFileSync(capturePath(capture)))
    .toString('utf8')
    .trimEnd()
    .split('\n')
}

/** The simulator's messages with all its defects, of a morning long past. */
function simulatedLines(count: number): readonly Uint8Array[] {
  const simulator = createSimulator({ eventsPerSecond: 500, seed: 7 })
  const lines: Uint8Array[] = []
  for (let nowUs = 1_709_650_000_000_000n; lines.length < count; nowUs += 250_000n) {
    for (const { payload } of simulator.tick(nowUs)) {
      if (payload !== null && !payload.includes(10)) lines.push(payload)
    }
  }
  const { lateCount, repeatedCount, conflictingCount, brokenCount } = simulator.counts()
  expect(Math.min(lateCount, repeatedCount, conflictingCount, brokenCount)).toBeGreaterThan(0)
  return lines.slice(0, count)
}

async function headIds(lake: Lake): Promise<Readonly<Record<string, bigint | undefined>>> {
  const heads = await loadHeads(lake)
  return Object.fromEntries(
    [...heads].map(([name, { metadata }]) => [name, metadata['current-snapshot-id']]),
  )
}

/** Content of all layers, the sums of the receipts, and what was refused for which reason. */
async function expectEqual(lake: Lake, expected: Lake): Promise<void> {
  const layers = ['bronze.', 'silver.', 'gold.']
  expect(await readContentHashes(lake, layers)).toEqual(await readContentHashes(expected, layers))
  expect(await readTotals(lake)).toEqual(await readTotals(expected))
  expect(await receiptProblems(lake)).toEqual([])
  const rejected = (of: Lake) =>
    readRows(
      of,
      'silver.rejected_messages',
      'SELECT kind, format, source, source_offset, source_row, payload, payload_encoding, reason, ' +
        'detail, event_ts FROM t ORDER BY ALL',
    )
  expect(await rejected(lake)).toEqual(await rejected(expected))
}

/**
 * No scratch table, no note of one, and not one file that no table names, but for gold's: those
 * this process writes itself, and what a lost try leaves of them waits for the search for orphans,
 * as after any other cut.
 */
async function expectNoScratch(lake: Lake): Promise<void> {
  expect(await lake.catalog.listNamespaces()).not.toContainEqual([SCRATCH_NAMESPACE])
  const notes: string[] = []
  for await (const { location } of lake.fileIO.list(`${lake.location}/_sluice/scratch/`)) {
    notes.push(location)
  }
  expect(notes).toEqual([])
  const { fileIO, manifestCache, clock } = lake
  const orphans = await findOrphanFiles({
    reader: { fileIO, manifestCache },
    clock: { nowUs: () => clock.nowUs() + BigInt(2 * DAY_MS) * 1000n },
    tables: [...(await loadHeads(lake))].flatMap(([name, table]) =>
      name.startsWith('gold.') || name.startsWith('sluice.') ? [] : [table],
    ),
    olderThanMs: ORPHAN_AGE_MS_MIN,
  })
  expect(orphans.map(({ location }) => location)).toEqual([])
}
