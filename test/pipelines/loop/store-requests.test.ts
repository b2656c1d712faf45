import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import {
  type CountingFileIO,
  createCountingFileIO,
} from '../../../tables/file-io/counting-file-io.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { runList } from '../../support/run-list.ts'

const START_MS = 1_736_985_590_000
const CUTS = 10

const trades: readonly ListedMessage[] = Array.from({ length: CUTS }, (_, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload: JSON.stringify({
    trade_id: `T${index}`,
    symbol: 'AAPL',
    price: 100 + index,
    volume: 10,
    timestamp: new Date(START_MS + index * 1000).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: BigInt(START_MS + index * 1000) * 1000n,
}))

let lake: Lake
let store: CountingFileIO | undefined
beforeAll(async () => {
  lake = await openMemoryLake({
    clock: createTestClock(BigInt(START_MS) * 1000n),
    wrapFileIO: (inner) => (store = createCountingFileIO(inner)),
  })
})
afterAll(() => lake.close())

function takeCounts() {
  const counts = store?.counts()
  store?.resetCounts()
  if (counts === undefined) throw new Error('nothing was counted')
  return counts
}

/** A request takes 2 to 20 ms in a store, and a cut and a query wait for it. */
describe('what a lake asks of its store', () => {
  it('is nothing that the process which wrote it knows: a cut only writes', async () => {
    await runList(lake, trades, Array<number>(CUTS).fill(1))
    const { data, manifest, ...rest } = takeCounts()
    const { 'manifest-list': manifestList, 'table-metadata': metadata } = rest
    // Bronze, silver, gold and the cuts.
    const written = { writeCount: 4 * CUTS, openCount: 0, statCount: 0 }
    expect(data).toMatchObject(written)
    expect(manifest).toMatchObject(written)
    expect(manifestList).toMatchObject(written)
    expect(metadata).toMatchObject({ openCount: 0, statCount: 0 })
  })

  it('are data files alone where it queries what it wrote', async () => {
    const query = createLakeQuery({ ...lake, cutsTable: tableId('sluice.cuts') })
    const { rows } = await query.query('SELECT count(*) FROM silver.trades, gold.bars')
    // All within one minute: a bar of each step.
    for await (const [count] of rows) expect(count).toBe(BigInt(CUTS * 4))
    const { data, ...metadata } = takeCounts()
    expect(data.openCount).toBeGreaterThan(0)
    const asked = Object.values(metadata).map((counts) => counts.openCount + counts.statCount)
    expect(asked).toEqual([0, 0, 0, 0])
  })
})
