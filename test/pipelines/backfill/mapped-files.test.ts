import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import { checkReplay } from '../../../pipelines/replay/check-range.ts'
import { sealUntil } from '../../../pipelines/replay/seal-until.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { dataPath } from '../../support/data.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { describeWithService } from '../../support/service.ts'
import { makeScratch } from '../sources/kafka-rig.ts'

const START_MS = Date.parse('2025-01-15T10:00:00Z')
const DAY_US = 86_400_000_000n
const scratch = makeScratch()
afterAll(() => scratch.remove())

const lakes: Lake[] = []
afterEach(async () => {
  for (const lake of lakes.splice(0)) await lake.close()
})

async function openLake(): Promise<Lake> {
  const lake = await openMemoryLake({
    clock: createTestClock(BigInt(START_MS) * 1000n + 9n * DAY_US),
  })
  lakes.push(lake)
  return lake
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(scratch.path, name)
  writeFileSync(path, content)
  return path
}

interface Print {
  readonly symbol: string
  readonly id: string
  readonly ms: number
  readonly price: string
  readonly quantity: string
  readonly side: 'B' | 'S'
  readonly note: string
}

/** Prints with notes of many lines, quotes and delimiters, and a number of 17 digits. */
const prints = Array.from({ length: 400 }, (_, index): Print => {
  return {
    symbol: index % 3 === 0 ? 'X;1' : 'Y',
    id: `T${index}`,
    ms: START_MS + index * 31_007,
    price: index === 7 ? '0.12345678901234567' : `${100 + (index % 17)}.5`,
    quantity: String(1 + (index % 5)),
    side: index % 2 === 0 ? 'B' : 'S',
    note: index % 10 === 0 ? `say "${index}"\nand more; or less` : '',
  }
})

const mapping: ColumnMapping = {
  kind: 'trade',
  columns: {
    venue_symbol: 'sym bol',
    trade_id: 'id',
    event_ts: 'at',
    price: 'price',
    quantity: 'quantity',
    taker_side: 'side',
    conditions: 'note',
  },
  constants: { venue: 'dark' },
  time: { unit: 'ms' },
  sides: { buy: ['B'], sell: ['S'] },
}

const quoted = (text: string) => (/[";\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** The prints as CSV with their columns in an order of its own. */
function csvOf(rows: readonly Print[], order: readonly number[] = [0, 1, 2, 3, 4, 5, 6]): string {
  const header = ['sym bol', 'id', 'at', 'price', 'quantity', 'side', 'note']
  const cells = rows.map((row) => [
    ...[row.symbol, row.id, String(row.ms), row.price, row.quantity, row.side, row.note],
  ])
  return [header, ...cells]
    .map((record) => order.map((at) => quoted(record[at] ?? '')).join(';'))
    .join('\r\n')
}

const jsonOf = (rows: readonly Print[]) =>
  rows
    .map(({ symbol, ms, price, ...rest }) => {
      const text = JSON.stringify({ 'sym bol': symbol, at: ms, ...rest })
      return `${text.slice(0, -1)},"price":${price}}\n`
    })
    .join('')

async function parquetOf(name: string, rows: readonly Print[]): Promise<string> {
  const lake = await openLake()
  const session = await lake.engine.connect()
  const path = join(scratch.path, name)
  const input = fileOf(`${name}.json`, jsonOf(rows))
  await session.run(
    `COPY (SELECT "sym bol", id, make_timestamp("at" * 1000) AS "at", price, quantity, side, note ` +
      `FROM read_json('${input}', columns = {'sym bol': 'VARCHAR', 'id': 'VARCHAR', ` +
      `'at': 'BIGINT', 'price': 'VARCHAR', 'quantity': 'DECIMAL(18, 8)', 'side': 'VARCHAR', ` +
      `'note': 'VARCHAR'})) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 100)`,
  )
  session.close()
  return path
}

const asUtc: ColumnMapping = { ...mapping, time: { unit: 'iso', zone: 'UTC' } }
const csv: ColumnMapping = { ...mapping, delimiter: ';' }
const byCell: ColumnMapping = {
  ...csv,
  hasHeader: false,
  columns: {
    ...{ venue_symbol: 1, trade_id: 2, event_ts: 3, price: 4, quantity: 5, taker_side: 6 },
    conditions: 7,
  },
}

async function run(
  lake: Lake,
  format: BackfillOptions['format'],
  files: readonly string[],
  more: Partial<BackfillOptions> = {},
  signal = new AbortController().signal,
) {
  return backfill({ lake, format, files, writer: 'test', ...more }, signal)
}

const rowsOf = (lake: Lake) =>
  readRows(
    lake,
    'silver.trades',
    `SELECT venue, venue_symbol, trade_id, epoch_ms(event_ts) AS ms, price, quantity, taker_side, ` +
      `conditions FROM t ORDER BY event_ts`,
  )

/** What silver must hold: by a loop over the prints. */
const expected = prints.map((print) => ({
  ...{ venue: 'dark', venue_symbol: print.symbol, trade_id: print.id, ms: BigInt(print.ms) },
  price: print.price.startsWith('0.') ? '0.12345679' : `${print.price}0000000`,
  quantity: `${print.quantity}.00000000`,
  taker_side: print.side === 'B' ? 'buy' : 'sell',
  conditions: print.note === '' ? null : print.note,
}))

async function expectSound(lake: Lake): Promise<void> {
  expect(await receiptProblems(lake)).toEqual([])
  const { checks, skipped } = await verifyLake({ lake, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
  expect(skipped).toEqual([])
}

describe('a file by a mapping', () => {
  const inputs: readonly (readonly [
    string,
    BackfillOptions['format'],
    ColumnMapping,
    () => string | Promise<string>,
  ])[] = [
    ['CSV with a header', 'csv', csv, () => fileOf('a.csv', `\ufeff${csvOf(prints)}`)],
    [
      'CSV without one, gzipped',
      'csv',
      byCell,
      () => fileOf('b.csv.gz', gzipSync(csvOf(prints).split('\r\n').slice(1).join('\r\n'))),
    ],
    [
      'CSV files of two column orders in a zip',
      'csv',
      csv,
      () => {
        const entries = {
          'one.csv': strToU8(csvOf(prints.slice(0, 100))),
          'two.csv': strToU8(csvOf(prints.slice(100), [6, 5, 4, 3, 2, 1, 0])),
          'empty.csv': new Uint8Array(),
        }
        return fileOf('c.zip', zipSync(entries))
      },
    ],
    ['NDJSON', 'ndjson', mapping, () => fileOf('d.ndjson', jsonOf(prints))],
    ['Parquet', 'parquet', asUtc, () => parquetOf('e.parquet', prints)],
    [
      'Parquet in a zip',
      'parquet',
      asUtc,
      async () => {
        const path = await parquetOf('f.parquet', prints)
        return fileOf('f.zip', zipSync({ 'f.parquet': readFileSync(path) }))
      },
    ],
  ]

  it.each(inputs)('%s gives the rows that a loop makes of it', async (_, format, by, make) => {
    const file = await make()
    const lake = await openLake()
    await run(lake, format, [file], { mapping: by })
    expect(await rowsOf(lake)).toEqual(expected)
    await expectSound(lake)
    const again = await run(lake, format, [file], { mapping: by })
    expect(again).toMatchObject({ partsRead: 0, isComplete: true })
  })

  it.each([
    ['csv', csv, () => fileOf('stop.csv', csvOf(prints))],
    ['parquet', asUtc, () => parquetOf('stop.parquet', prints)],
  ] as const)('as %s goes on after a stop where the last cut ended', async (format, by, make) => {
    const file = await make()
    const lake = await openLake()
    const limits = { rows: 70, bytes: 10_000_000, timeMs: 60_000 }
    let stops = 0
    for (let isComplete = false; !isComplete; stops += 1) {
      const stop = new AbortController()
      const onCut = () => stop.abort()
      const result = await run(lake, format, [file], { mapping: by, limits, onCut }, stop.signal)
      isComplete = result.isComplete
      if (stops > 20) throw new Error('it does not go on')
    }
    expect(stops).toBeGreaterThan(4)
    expect(await rowsOf(lake)).toEqual(expected)
    expect(await receiptProblems(lake)).toEqual([])
  })

  it('is derived again from bronze alone: replay finds every day the same', async () => {
    const lake = await openLake()
    await run(lake, 'csv', [fileOf('again.csv', csvOf(prints))], { mapping: csv })
    const fromDay = (BigInt(START_MS) * 1000n) / DAY_US
    await sealUntil({ lake, writer: 'test', untilUs: (fromDay + 2n) * DAY_US })
    const range = { fromDay, toDay: fromDay + 1n }
    const before = await readContentHashes(lake)
    const days = await checkReplay(
      { lake, writer: 'check', range, layers: 'silver,gold' },
      new AbortController().signal,
    )
    expect(days.length).toBeGreaterThan(0)
    expect(days.filter(({ isSame }) => !isSame)).toEqual([])
    expect(await readContentHashes(lake)).toEqual(before)
  })

  it('keeps every record as it stands, the header and those that are no rows among them', async () => {
    const [header = '', ...lines] = csvOf(prints.slice(10, 12)).split('\r\n')
    const plain = lines.pop() ?? ''
    const records = [header, lines.join('\r\n'), 'no;row', '"open;1', plain]
    const lake = await openLake()
    await run(lake, 'csv', [fileOf('bad.csv', records.join('\n'))], { mapping: csv })
    const bronze = await readRows<{ payload: string; is_ignored: boolean }>(
      lake,
      'bronze.trade_messages',
      'SELECT payload, is_ignored FROM t ORDER BY source_offset',
    )
    expect(bronze.map(({ payload }) => payload)).toEqual(records)
    expect(bronze.map(({ is_ignored: isIgnored }) => isIgnored)).toEqual([
      ...[true, false, false, false, false],
    ])
    const refused = await readRows(
      lake,
      'silver.rejected_messages',
      'SELECT source_offset, reason FROM t ORDER BY source_offset',
    )
    expect(refused).toEqual(
      [2n, 3n].map((offset) => ({ source_offset: offset, reason: 'bad-line' })),
    )
    await expectSound(lake)
  })

  it('is another part by another mapping, and one that does not fit is refused before all', async () => {
    const lake = await openLake()
    const file = fileOf('twice.csv', csvOf(prints))
    await run(lake, 'csv', [file], { mapping: csv })
    const other = { ...csv, constants: { venue: 'lit' } }
    expect(await run(lake, 'csv', [file], { mapping: other })).toMatchObject({ partsRead: 1 })
    const sources = await readRows<{ source: string; venue: string }>(
      lake,
      'silver.trades',
      'SELECT DISTINCT source, venue FROM t ORDER BY venue',
    )
    expect(sources.map(({ venue }) => venue)).toEqual(['dark', 'lit'])
    expect(new Set(sources.map(({ source }) => source)).size).toBe(2)
    for (const { source } of sources) expect(source).toMatch(/^file:[0-9a-f]{64}:\d+@[0-9a-f]{12}$/)

    const bare = { ...csv, columns: { ...csv.columns, price: 'cost' } }
    await expect(run(lake, 'csv', [file], { mapping: bare })).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(
        /twice\.csv does not fit the mapping: there is no column "cost".*Its columns: sym bol, id/,
      ) as string,
    })
    await expect(run(lake, 'csv', [file])).rejects.toMatchObject({ kind: 'invalid-input' })
    const noParquet = run(lake, 'parquet', [file], { mapping: asUtc })
    await expect(noParquet).rejects.toMatchObject({ kind: 'corrupt-data' })
  })
})

describe('standard input', () => {
  it('is known by its content, as a file is, and a folder may come beside it', async () => {
    const lake = await openLake()
    const [first, second] = [gzipSync(csvOf(prints.slice(0, 200))), csvOf(prints.slice(200))]
    const folder = join(scratch.path, 'folder')
    mkdirSync(folder)
    writeFileSync(join(folder, 'second.csv'), second)
    const standardInput = () => Readable.from([first.subarray(0, 100), first.subarray(100)])
    const given = () => ({ mapping: csv, standardInput: standardInput() })
    expect(await run(lake, 'csv', [folder, '-'], given())).toMatchObject({ partsRead: 2 })
    expect(await rowsOf(lake)).toEqual(expected)
    expect(await run(lake, 'csv', ['-'], given())).toMatchObject({ partsSkipped: 1, partsRead: 0 })
    const leftInScratch = readdirSync(lake.scratchDir).filter((name) => name.endsWith('.input'))
    expect(leftInScratch).toEqual([])
  })

  it('says that there is none, and what is wrong with it', async () => {
    const lake = await openLake()
    await expect(run(lake, 'csv', ['-'], { mapping: csv })).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(/nothing but a terminal/) as string,
    })
    const standardInput = Readable.from([Buffer.from('a;b\n1;2\n')])
    await expect(run(lake, 'csv', ['-'], { mapping: csv, standardInput })).rejects.toThrow(
      /^standard input does not fit the mapping/,
    )
  })

  it('ends where the run is stopped before it does', async () => {
    const lake = await openLake()
    const stop = new AbortController()
    const standardInput = new Readable({ read: () => stop.abort() })
    const given = { mapping: csv, standardInput }
    expect(await run(lake, 'csv', ['-'], given, stop.signal)).toMatchObject({ isComplete: false })
  })
})

await describeWithService('data', 'minutes of Binance as rows by a mapping', () => {
  it('are what DuckDB reads of the file itself', async () => {
    const packed = readFileSync(dataPath('binance-klines-1m/ALGOUSDT-1m-2026-02.csv.gz'))
    const threeDays = gunzipSync(packed).toString().split('\n').slice(0, 4321).join('\n')
    const path = fileOf('algo.csv.gz', gzipSync(threeDays))
    const lake = await openMemoryLake({ clock: createTestClock(1_780_000_000_000_000n) })
    lakes.push(lake)
    const minutes: ColumnMapping = {
      kind: 'trade',
      columns: { event_ts: 'open_time', price: 'close', quantity: 'volume' },
      constants: { venue: 'binance-usdm', venue_symbol: 'ALGOUSDT' },
      time: { unit: 'ms' },
    }
    await run(lake, 'csv', [path], { mapping: minutes })
    const session = await lake.engine.connect()
    const sums = (time: string, price: string, quantity: string) =>
      `count(*) AS n, sum(${time}) AS time, sum(${price}) AS price, sum(${quantity}) AS quantity, ` +
      `sum(${time} % 997 * CAST(${price} * 1000000 AS BIGINT)) AS together`
    const direct = await session.rows(
      `SELECT ${sums('open_time', 'close', 'volume')} FROM read_csv('${path}', types = ` +
        `{'close': 'DECIMAL(18, 8)', 'volume': 'DECIMAL(28, 8)', 'open_time': 'BIGINT'})`,
    )
    session.close()
    const silver = await readRows<{ n: bigint }>(
      lake,
      'silver.trades',
      `SELECT ${sums('epoch_ms(event_ts)', 'price', 'quantity')} FROM t`,
    )
    expect(silver).toEqual(direct)
    expect(silver[0]?.n).toBe(4320n)
  })
})
