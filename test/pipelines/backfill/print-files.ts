import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../../tables/clock.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { makeLeanFolder } from './lean-files.ts'

export const DAY_MS = 86_400_000
export const FIRST_MS = Date.parse('2024-08-05T00:00:00Z')
export const FIRST_DAY = BigInt(FIRST_MS / DAY_MS)
export const SYMBOLS = ['SPY', 'IBM'] as const
export const never = new AbortController().signal
export const folder = makeLeanFolder()
const lakes: Lake[] = []

/** To be called after each test. */
export async function closeLakes(): Promise<void> {
  for (const one of lakes.splice(0)) await one.close()
}

export async function openAnother(): Promise<Lake> {
  const opened = await openMemoryLake({ clock: systemClock })
  lakes.push(opened)
  return opened
}

/** Prints without ids. */
export const mapping: ColumnMapping = {
  kind: 'trade',
  columns: { venue_symbol: 'symbol', event_ts: 'at', price: 'price', quantity: 'quantity' },
  constants: { venue: 'us-equity' },
  time: { unit: 'ms' },
}

/** What one source has of one day of a symbol: one print an hour of these. */
export interface Piece {
  readonly symbol: (typeof SYMBOLS)[number]
  readonly day: number
  readonly fromHour: number
  readonly toHour: number
}

/** A source: its number is in its prices, so that no two of them have equal prints. */
export interface Prints {
  readonly number: number
  readonly pieces: readonly Piece[]
}

export function linesOf({ number, pieces }: Prints): string[] {
  return pieces.flatMap(({ symbol, day, fromHour, toHour }) =>
    Array.from({ length: toHour - fromHour + 1 }, (_, index) => {
      const atMs = FIRST_MS + day * DAY_MS + (fromHour + index) * 3_600_000
      return `${symbol},${atMs},${100 + number}.${index},${number + 1}`
    }),
  )
}

let fileCount = 0

export function fileOf(prints: Prints): string {
  const path = join(folder.path, `prints-${fileCount++}.csv`)
  writeFileSync(path, `symbol,at,price,quantity\n${linesOf(prints).join('\n')}\n`)
  return path
}

/** Small batches: a file is several cuts. */
export const LIMITS = { rows: 6, bytes: 10_000_000, timeMs: 60_000 }

export const run = (
  into: Lake,
  files: readonly string[],
  more: Partial<BackfillOptions> = {},
  signal = never,
) =>
  backfill(
    { lake: into, format: 'csv', mapping, files, writer: 'test', limits: LIMITS, ...more },
    signal,
  )

export const takeOver = (
  into: Lake,
  files: readonly string[],
  more: Partial<BackfillOptions> = {},
  signal = never,
) => run(into, files, { ...more, takesOver: true }, signal)

/** What a lake holds that took these pieces alone. */
export async function contentOf(prints: readonly Prints[]) {
  const other = await openAnother()
  const held = prints.filter(({ pieces }) => pieces.length > 0)
  if (held.length > 0) await run(other, held.map(fileOf), { limits: { ...LIMITS, rows: 100_000 } })
  return readContentHashes(other)
}

export async function expectSound(of: Lake): Promise<void> {
  expect(await receiptProblems(of)).toEqual([])
  const { checks } = await verifyLake({ lake: of, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

export async function cutCount(of: Lake): Promise<number> {
  const [row] = await readRows<{ n: bigint }>(
    of,
    'sluice.cuts',
    'SELECT count(DISTINCT cut_number) AS n FROM t',
  )
  return Number(row?.n)
}
