import { describe, expect, it } from 'vitest'
import { dropTag, listTags, tagLake } from '../../../pipelines/lake/tag-lake.ts'
import { expireSnapshots } from '../../../tables/maintain/expire-snapshots.ts'
import { CUTS_TABLE, lakeCommitContext, readFence } from '../../../pipelines/lake/lake-commit-context.ts'
import { chooseLakeTables } from '../../../pipelines/lake/lake-table-names.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { cutHistory } from '../../../tables/spec/cut-history.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { runList } from '../../support/run-list.ts'

const START_US = 1_736_985_590_000_000n

const trades: readonly ListedMessage[] = Array.from({ length: 4 }, (_, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload: JSON.stringify({
    trade_id: `T${index}`,
    symbol: 'AAPL',
    price: 100 + index,
    volume: 10,
    timestamp: new Date(Number(START_US / 1000n) + index).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: START_US,
}))

async function lakeOfCuts(): Promise<Lake> {
  const lake = await openMemoryLake({ clock: createTestClock(START_US + 86_400_000_000n) })
  await runList(lake, trades, [1])
  return lake
}

const TOUCHED = ['bronze.trade_messages', 'silver.trades', 'gold.bars', 'sluice.cuts']

describe('a tag of a lake', () => {
  it('names one cut on every table that had rows then', async () => {
    const lake = await lakeOfCuts()
    expect(await tagLake(lake, 'second', 2)).toEqual({
      name: 'second',
      cutNumber: 2,
      tables: TOUCHED,
      isOwn: false,
      isChanged: true,
    })
    const heads = await loadHeads(lake)
    const record = cutHistory(headOf(heads, 'sluice.cuts').metadata)[1]
    for (const table of TOUCHED.slice(0, 3)) {
      const { refs } = headOf(heads, table).metadata
      expect(refs['second']?.['snapshot-id']).toBe(record?.heads.get(table))
    }
    expect(await tagLake(lake, 'second', 2)).toMatchObject({ isChanged: false })
    await lake.close()
  })

  it('names the last cut by itself, and is never moved', async () => {
    const lake = await lakeOfCuts()
    expect(await tagLake(lake, 'last')).toMatchObject({ cutNumber: 4 })
    await expect(tagLake(lake, 'last', 1)).rejects.toThrow(/Drop it first/)
    expect(await listTags(lake)).toMatchObject([{ name: 'last', cutNumber: 4 }])
    await lake.close()
  })

  it('keeps its cut readable when the others are given up', async () => {
    const lake = await lakeOfCuts()
    await tagLake(lake, 'first', 1)
    await expireSnapshots(lakeCommitContext(lake), {
      cutsTable: CUTS_TABLE,
      identifiers: chooseLakeTables(lake, []),
      afterCut: await readFence(lake),
      olderThanMs: Number.MAX_SAFE_INTEGER,
      retainLast: 1,
      withCuts: true,
    })
    const heads = await loadHeads(lake)
    const kept = cutHistory(headOf(heads, 'sluice.cuts').metadata)
    expect(kept.map(({ cutNumber }) => cutNumber)).toEqual([1, 4])
    expect(headOf(heads, 'silver.trades').metadata.snapshots).toHaveLength(2)
    await lake.close()
  })

  it('is dropped from all tables, once', async () => {
    const lake = await lakeOfCuts()
    await tagLake(lake, 'gone', 2)
    expect(await dropTag(lake, 'gone')).toMatchObject({ cutNumber: 2, tables: TOUCHED })
    expect(await listTags(lake)).toEqual([])
    await expect(dropTag(lake, 'gone')).rejects.toThrow(/No table has a tag gone/)
    await lake.close()
  })

  it('is refused for names of the cuts themselves, and for cuts that are not there', async () => {
    const lake = await lakeOfCuts()
    await expect(tagLake(lake, 'cut-1')).rejects.toThrow(/cannot be the name of a tag/)
    await expect(dropTag(lake, 'sluice-head')).rejects.toThrow(/cannot be the name of a tag/)
    await expect(tagLake(lake, 'later', 9)).rejects.toThrow(/the newest cut is 4/)
    await lake.close()
    const empty = await openMemoryLake({ clock: createTestClock(START_US) })
    await expect(tagLake(empty, 'nothing')).rejects.toThrow(/no cut yet/)
    await empty.close()
  })
})
