import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { readRows } from '../../support/lake-content.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { HOUR_MS, makeLeanFolder, printsFrom } from './lean-files.ts'

const NOW_US = BigInt(Date.parse('2025-01-20T00:00:00Z')) * 1000n
const DAY_MS = Date.parse('2025-01-15T05:00:00Z')

const folder = makeLeanFolder()
let lake: Lake
beforeEach(async () => {
  lake = await openMemoryLake({ clock: createTestClock(NOW_US) })
})
afterEach(() => lake.close())
afterAll(() => folder.remove())

const lean = (fromMs: number, count: number) =>
  folder.write('20250115', 'spy', printsFrom(fromMs, count))

/** Rows of CSV with the time of day in New York, for the venue and symbol of `lean`. */
function csv(name: string, fromMs: number, ids: readonly string[]): string {
  const path = join(folder.path, name)
  const lines = ids.map((id, index) => `${id},${DAY_MS + fromMs + index * 1000},100.5,7`)
  writeFileSync(path, `id,at,price,quantity\n${lines.join('\n')}\n`)
  return path
}

const withIds: ColumnMapping = {
  kind: 'trade',
  columns: { trade_id: 'id', event_ts: 'at', price: 'price', quantity: 'quantity' },
  constants: { venue: 'us-equity', venue_symbol: 'SPY' },
  time: { unit: 'ms' },
}
const { trade_id: _id, ...columnsWithoutId } = withIds.columns
const withSequence: ColumnMapping = {
  ...withIds,
  columns: { ...columnsWithoutId, trade_seq: 'id' },
}

/** Brings the files in, and tells which phases there were. */
async function run(files: readonly string[], more: Partial<BackfillOptions>) {
  const phases = new Set<string>()
  const options: BackfillOptions = {
    ...{ lake, writer: 'test', format: 'lean-trades', files, ...more },
    onProgress: (phase) => phases.add(phase),
  }
  await backfill(options, new AbortController().signal)
  return [...phases]
}

async function idsInLake(): Promise<readonly unknown[]> {
  const rows = await readRows<{ id: string | null }>(
    lake,
    'silver.trades',
    'SELECT trade_id AS id FROM t ORDER BY id',
  )
  return rows.map(({ id }) => id)
}

describe('input that overlaps what the lake holds', { timeout: 120_000 }, () => {
  it('is taken where ids tell what is there, each row once, and is not read twice', async () => {
    const options = { format: 'csv', mapping: withIds } as const
    await run([csv('a.csv', 10 * HOUR_MS, ['1', '2', '3', '4'])], options)
    // 3 and 4 again, at their times, and 5 between what is held.
    const again = [csv('b.csv', 10 * HOUR_MS + 2000, ['3', '4']), csv('c.csv', 10 * HOUR_MS, ['5'])]
    expect(await run(again, options)).toEqual(['load'])
    expect(await idsInLake()).toEqual(['1', '2', '3', '4', '5'])
  })

  it('is refused where the lake has rows without ids, or the input has', async () => {
    await run([lean(10 * HOUR_MS, 60)], {})
    const overlapping = csv('ids.csv', 10 * HOUR_MS, ['1', '2'])
    const refusal = { kind: 'invalid-input', message: expect.stringContaining('no ids') as string }
    await expect(run([overlapping], { format: 'csv', mapping: withIds })).rejects.toMatchObject(
      refusal,
    )
    await expect(
      run([overlapping], { format: 'csv', mapping: withSequence }),
    ).rejects.toMatchObject(refusal)
    await run([csv('later.csv', 11 * HOUR_MS, ['1', '2'])], { format: 'csv', mapping: withIds })
    await expect(run([lean(11 * HOUR_MS, 1)], {})).rejects.toMatchObject(refusal)
    expect(await idsInLake()).toHaveLength(62)
  })

  it('is looked at source by source: what lies between two of them overlaps neither', async () => {
    await run([lean(10 * HOUR_MS, 60), lean(14 * HOUR_MS, 60)], {})
    expect(await run([lean(12 * HOUR_MS, 60)], {})).toEqual(['check', 'load'])
    expect(await idsInLake()).toHaveLength(180)
  })
})
