import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../../pipelines/loop/loop-context.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { systemClock } from '../../../tables/clock.ts'
import { dataPath } from '../../support/data.ts'
import { readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { describeWithService } from '../../support/service.ts'

const BITFINEX = dataPath('bitfinex-1m/BTCUSD-1m-2016.csv.gz')
const ALGO = dataPath('binance-klines-1m/ALGOUSDT-1m-2026-02.csv.gz')

/** The start of the window that a time in ms lies in, for each step in ms. */
const windows = { '1m': 60_000, '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 }

/** Bars straight from a file, by no line of ours: all columns are text there. */
function barsOfFile(file: string, time: string, sums: string): string {
  const rows =
    `SELECT CAST(${time} AS BIGINT) AS ms, * FROM read_csv('${file}', header = true, ` +
    `all_varchar = true)`
  const price = (name: string) => `CAST(${name} AS DECIMAL(18, 8))`
  return Object.entries(windows)
    .map(
      ([step, lengthMs]) =>
        `SELECT '${step}' AS step, ms - ms % ${lengthMs} AS open_ms, ` +
        `arg_min(${price('open')}, ms) AS open, max(${price('high')}) AS high, ` +
        `min(${price('low')}) AS low, arg_max(${price('close')}, ms) AS close, ` +
        `sum(CAST(volume AS DECIMAL(28, 8))) AS volume${sums} FROM (${rows}) GROUP BY open_ms`,
    )
    .join(' UNION ALL ')
}

await describeWithService('data', 'a backfill of klines', () => {
  let lake: Lake
  let folder: string
  beforeEach(async () => {
    lake = await openMemoryLake({ clock: systemClock })
    folder = await mkdtemp(join(tmpdir(), 'sluice-klines-'))
  })
  afterEach(async () => {
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Every eighth minute of the year and its header: holes of all lengths, over 230 days. */
  async function thinYear(): Promise<string> {
    const lines = gunzipSync(await readFile(BITFINEX))
      .toString('utf8')
      .split('\n')
    const file = join(folder, 'BTCUSD-1m-2016.csv')
    await writeFile(file, lines.filter((_, index) => index % 8 === 0).join('\n'))
    return file
  }

  /** Rows that only one of the two has, and how many the lake has. */
  async function compare(columns: string, direct: string) {
    const head = headOf(await loadHeads(lake), 'gold.bars')
    const bars = await planRelation(lake, await planHead(lake, head, []))
    const held =
      `SELECT step, epoch_ms(open_ts) AS open_ms, ${columns} FROM ${bars} ` +
      `WHERE bar_source = 'klines'`
    const session = await lake.engine.connect()
    try {
      const [counts] = await session.rows<{ n: bigint; more: bigint; less: bigint }>(
        `WITH held AS MATERIALIZED (${held}), direct AS MATERIALIZED (${direct}) SELECT ` +
          '(SELECT count(*) FROM held) AS n, ' +
          '(SELECT count(*) FROM (FROM held EXCEPT ALL FROM direct)) AS more, ' +
          '(SELECT count(*) FROM (FROM direct EXCEPT ALL FROM held)) AS less',
      )
      return counts
    } finally {
      session.close()
    }
  }

  const load = (format: 'bitfinex-klines' | 'binance-klines', file: string) =>
    backfill({ lake, format, files: [file], writer: 'test' }, new AbortController().signal)

  it('gives the bars of a year of Bitfinex that its file itself gives, holes and all', async () => {
    const file = await thinYear()
    await load('bitfinex-klines', file)
    const columns = 'open, high, low, close, volume'
    const counts = await compare(columns, barsOfFile(file, 'mts', ''))
    expect(counts).toMatchObject({ more: 0n, less: 0n })
    expect(counts?.n).toBeGreaterThan(36_654n)
    expect(await load('bitfinex-klines', file)).toMatchObject({ partsRead: 0, partsSkipped: 1 })
  }, 120_000)

  it('gives by a mapping the klines and bars that the format gives', async () => {
    const [header = '', ...lines] = gunzipSync(await readFile(BITFINEX))
      .toString('utf8')
      .split('\n', 1501)
    const file = join(folder, 'BTCUSD-1m-2016.csv')
    await writeFile(file, [header, ...lines].join('\n'))
    const mapped = await openMemoryLake({ clock: systemClock })
    const mapping: ColumnMapping = {
      kind: 'kline',
      columns: { event_ts: 'mts', open: 2, close: 3, high: 'high', low: 'low', volume: 'volume' },
      constants: { venue: 'bitfinex', venue_symbol: 'BTCUSD' },
      time: { unit: 'ms' },
    }
    const options = { lake: mapped, format: 'csv', mapping, files: [file], writer: 'test' } as const
    await backfill(options, new AbortController().signal)
    await load('bitfinex-klines', file)
    const content = (table: string, without: string) => {
      const sql = `SELECT count(*) AS n, bit_xor(hash(t)) AS rows FROM (SELECT * EXCLUDE (${without}) FROM t) t`
      return Promise.all([lake, mapped].map((one) => readRows(one, table, sql)))
    }
    const [klines, klinesMapped] = await content('silver.klines', 'source, ingested_ts')
    expect(klines).toMatchObject([{ n: 1500n }])
    expect(klinesMapped).toEqual(klines)
    const [bars, barsMapped] = await content('gold.bars', 'known_cut')
    expect(bars).not.toMatchObject([{ n: 0n }])
    expect(barsMapped).toEqual(bars)
    await mapped.close()
  }, 120_000)

  it('gives the sums of Binance too, also of minutes in which nobody traded', async () => {
    await load('binance-klines', ALGO)
    const sum = (name: string, type: string) => `sum(CAST(${name} AS ${type}))`
    const [volume, bought] = ['volume', 'taker_buy_volume'].map((name) =>
      sum(name, 'DECIMAL(28, 8)'),
    )
    const sums =
      `, ${sum('quote_volume', 'DECIMAL(28, 8)')} AS notional, ` +
      `${sum('"count"', 'BIGINT')} AS trade_count, ${bought} AS buy_volume, ` +
      `${volume} - ${bought} AS sell_volume`
    const columns = 'open, high, low, close, volume, notional, trade_count, buy_volume, sell_volume'
    expect(await compare(columns, barsOfFile(ALGO, 'open_time', sums))).toEqual({
      n: 40_320n + 40_320n / 5n + 28n * 24n + 28n,
      ...{ more: 0n, less: 0n },
    })
  }, 120_000)
})
