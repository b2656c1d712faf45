import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../../tables/clock.ts'
import { readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { makeScratch } from '../sources/kafka-rig.ts'

const DAY_MS = 86_400_000
const FIRST_MS = Date.parse('2024-08-05T00:00:00Z')
const FIRST_DAY = BigInt(FIRST_MS / DAY_MS)
const DAY_COUNT = 5
const scratch = makeScratch()
afterAll(() => scratch.remove())

let lake: Lake
beforeEach(async () => {
  lake = await openMemoryLake({ clock: systemClock })
})
afterEach(() => lake.close())

interface Print {
  readonly id: string
  /** Undefined: its time is no time. */
  readonly day: number | undefined
  readonly isGood: boolean
  readonly cells: Readonly<Record<'name' | 'id' | 'at' | 'price' | 'quantity', string>>
}

/** Five days in turns, with rows whose price is none on a day, and rows without a time. */
const prints = Array.from({ length: 120 }, (_, index): Print => {
  const isUntimed = index % 13 === 6
  const isBad = isUntimed || index % 11 === 4
  const day = (index * 7) % DAY_COUNT
  const id = `T${index}`
  const at = isUntimed ? 'soon' : new Date(FIRST_MS + day * DAY_MS + index * 60_000).toISOString()
  const cells = { name: index % 9 === 0 ? 'X\n"1"' : 'Y', id, at, quantity: '2' }
  return {
    ...{ id, day: isUntimed ? undefined : day, isGood: !isBad && index % 9 !== 0 },
    cells: { ...cells, price: isBad && !isUntimed ? 'dear' : `10${index % 7}.5` },
  }
})

const columns = ['name', 'id', 'at', 'price', 'quantity'] as const
const mapping: ColumnMapping = {
  kind: 'trade',
  columns: {
    ...{ venue_symbol: 'name', trade_id: 'id', event_ts: 'at', price: 'price' },
    quantity: 'quantity',
  },
  constants: { venue: 'dark' },
  time: { unit: 'iso' },
}

const csvText = [
  columns.join(','),
  ...prints.map(({ cells }) => columns.map((c) => quoted(cells[c])).join(',')),
].join('\n')
const jsonText = prints.map(({ cells }) => `${JSON.stringify(cells)}\n`).join('')

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(scratch.path, name)
  writeFileSync(path, content)
  return path
}

async function parquetFile(): Promise<string> {
  const session = await lake.engine.connect()
  const path = join(scratch.path, 'a.parquet')
  const types = columns.map((name) => `'${name}': 'VARCHAR'`).join(', ')
  await session.run(
    `COPY (FROM read_json('${fileOf('parquet.json', jsonText)}', columns = {${types}})) ` +
      `TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 50)`,
  )
  session.close()
  return path
}

const bronzeOffsets = async () => {
  const rows = await readRows<{ n: bigint }>(
    lake,
    'bronze.trade_messages',
    'SELECT source_offset AS n FROM t ORDER BY n',
  )
  return rows.map(({ n }) => Number(n))
}

describe('some days of a file by a mapping', { timeout: 180_000 }, () => {
  it.each([
    ['csv', 'gzipped CSV with a header', 1, () => fileOf('a.csv.gz', gzipSync(csvText))],
    ['ndjson', 'NDJSON', 0, () => fileOf('a.ndjson', jsonText)],
    [
      ...(['parquet', 'Parquet in a zip', 0] as const),
      async () => fileOf('b.zip', zipSync({ 'a.parquet': readFileSync(await parquetFile()) })),
    ],
  ] as const)('are taken of %s: %s', async (format, _, headerCount, make) => {
    const file = await make()
    const run = (range: Required<Pick<BackfillOptions, 'range'>> | object = {}) => {
      const limits = { rows: 60, bytes: 10_000_000, timeMs: 60_000 }
      const options = { lake, format, mapping, files: [file], writer: 'test', limits }
      return backfill({ ...options, ...range }, new AbortController().signal)
    }
    /** The arbiter; a header has no time. */
    const offsetsOf = (has: (day: number | undefined) => boolean) => [
      ...(headerCount === 1 && has(undefined) ? [0] : []),
      ...prints.flatMap(({ day }, index) => (has(day) ? [index + headerCount] : [])),
    ]
    await run({ range: { fromDay: FIRST_DAY + 1n, toDay: FIRST_DAY + 3n } })
    expect(await bronzeOffsets()).toEqual(offsetsOf((day) => day === 1 || day === 2))
    await run({ range: { fromDay: undefined, toDay: FIRST_DAY + 2n } })
    const untilThird = offsetsOf((day) => day === undefined || day < 3)
    expect(await bronzeOffsets()).toEqual(untilThird)
    expect(await run()).toMatchObject({ partsRead: 1, leftOutCount: untilThird.length })
    expect(await bronzeOffsets()).toEqual(offsetsOf(() => true))
    expect(await run()).toMatchObject({ partsRead: 0, partsSkipped: 1 })

    const ids = await readRows(lake, 'silver.trades', 'SELECT trade_id AS id FROM t')
    const good = prints.filter(({ isGood }) => isGood).map(({ id }) => id)
    expect(ids.map((row) => (row as { id: string }).id).sort()).toEqual(good.sort())
    expect(await receiptProblems(lake)).toEqual([])
    const verified = await verifyLake({ lake, isDeep: false })
    expect(verified.checks.flatMap(({ findings }) => findings)).toEqual([])
  })
})
