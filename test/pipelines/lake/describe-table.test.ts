import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLakeViews } from '../../../pipelines/lake/create-lake-views.ts'
import { describeRelation } from '../../../pipelines/lake/describe-relation.ts'
import { findTable } from '../../../pipelines/lake/describe-table.ts'
import { readViewSummaries } from '../../../pipelines/lake/describe-view.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { readTableHistory } from '../../../pipelines/lake/table-history.ts'
import { bars } from '../../../gold/bars.ts'
import { allViews } from '../../../shared-transforms/lake-views.ts'
import type { Snapshot } from '../../../tables/spec/snapshot.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'

const START_US = 1_736_899_200_000_000n

let lake: Lake
beforeAll(async () => {
  const clock = createTestClock(START_US)
  lake = await openMemoryLake({ clock })
  await createLakeViews(lake.catalog, lake.model.views, clock)
})
afterAll(() => lake.close())

describe('the description of a table', () => {
  it('says of gold.bars what its definition says', async () => {
    const table = await describeRelation(lake, 'gold.bars')
    expect(table.columns).toEqual(
      bars.columns.map(({ fieldId, name, type, isRequired, role, doc }) => {
        return { fieldId, name, type, isRequired, role, doc }
      }),
    )
    expect(table).toMatchObject({
      kind: 'table',
      namespace: 'gold',
      table: 'bars',
      doc: bars.doc,
      key: bars.key,
      partition: ['month(open_ts)'],
      sort: bars.sort.map((column) => `${column} asc nulls first`),
      formatVersion: 2,
      rowCount: 0,
      fileCount: 0,
      snapshotId: undefined,
      committedMs: undefined,
      location: expect.stringMatching(/^memory:\/\/lake\/warehouse\/gold\/bars/) as string,
    })
  })

  it('finds a table by its bare name and in any case, and refuses what is none', async () => {
    expect((await findTable(lake, 'SPREADS')).identifier.name).toBe('spreads')
    expect((await findTable(lake, 'Gold.Bars')).identifier.name).toBe('bars')
    await expect(describeRelation(lake, 'gold.candles')).rejects.toThrow(/no table gold\.candles/)
    await expect(describeRelation(lake, '')).rejects.toThrow(/no table/)
  })
})

describe('the description of a view', () => {
  it.each(allViews)('says of $name what its definition says', async (definition) => {
    const view = await describeRelation(lake, definition.name.toUpperCase())
    expect(view.columns).toEqual(
      definition.columns.map(({ fieldId, name, type, isRequired, role, doc }) => {
        return { fieldId, name, type, isRequired, role, doc }
      }),
    )
    expect(view).toMatchObject({
      kind: 'view',
      namespace: 'gold',
      doc: definition.doc,
      sql: definition.sql,
      versionId: 1,
      versionMs: Number(START_US / 1000n),
    })
  })

  it('is found by its bare name, and is no table', async () => {
    expect(await describeRelation(lake, 'bars_1m')).toMatchObject({ table: 'bars_1m' })
    await expect(findTable(lake, 'gold.bars_1m')).rejects.toThrow(/no table gold\.bars_1m/)
  })

  it('leaves out what the catalog does not hold', async () => {
    expect(await readViewSummaries(lake)).toHaveLength(allViews.length)
    await lake.catalog.views?.dropView(tableId('gold.bars_5m'))
    const left = (await readViewSummaries(lake)).map(({ table }) => table)
    expect(left).toEqual([
      ...['bars_1m', 'bars_1h', 'bars_1d', 'latest_quotes', 'daily_filled', 'forecast_input'],
      'kline_gaps',
    ])
    const { views: _, ...catalog } = lake.catalog
    expect(await readViewSummaries({ ...lake, catalog })).toEqual([])
  })
})

describe('the history of a table', () => {
  const snapshot = (id: bigint, parent: bigint | undefined, summary: object): Snapshot => ({
    'snapshot-id': id,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': Number(id),
    'timestamp-ms': 1000 * Number(id),
    'manifest-list': `memory://snap-${id}`,
    summary: { operation: 'append', ...summary },
  })

  /** 1 expired, 2 and 3 are cuts, 4 is on a branch of its own, 5 is maintenance at the head. */
  const metadata = async (): Promise<TableMetadata> => {
    const table = await findTable(lake, 'gold.bars')
    return {
      ...table.metadata,
      'current-snapshot-id': 5n,
      snapshots: [
        snapshot(2n, 1n, { 'sluice.cut': '2', 'added-records': '7', 'added-data-files': '1' }),
        snapshot(3n, 2n, {
          operation: 'overwrite',
          'sluice.cut': '3',
          'deleted-records': '3',
          'added-position-deletes': '2',
          'deleted-data-files': '1',
          'added-delete-files': '1',
        }),
        snapshot(4n, 2n, {}),
        snapshot(5n, 3n, { operation: 'replace', 'sluice.after-cut': '3' }),
      ],
      refs: {
        'cut-2': { 'snapshot-id': 2n, type: 'tag' },
        'eod-2025': { 'snapshot-id': 5n, type: 'tag' },
        main: { 'snapshot-id': 5n, type: 'branch' },
        side: { 'snapshot-id': 4n, type: 'branch' },
      },
      'snapshot-log': [1, 2, 3, 5].map((id) => ({
        'snapshot-id': BigInt(id),
        'timestamp-ms': 1000 * id,
      })),
    }
  }

  it('tells the snapshots newest first, with refs, cuts and what the log knows of expired ones', async () => {
    const lines = readTableHistory(await metadata())
    expect(lines.map((line) => [line.snapshotId, line.operation, line.cut, line.refs])).toEqual([
      [5n, 'replace', undefined, ['main', 'eod-2025']],
      [4n, 'append', undefined, ['side']],
      [3n, 'overwrite', 3, []],
      [2n, 'append', 2, ['cut-2']],
      [1n, undefined, undefined, []],
    ])
    expect(lines.map((line) => line.isExpired)).toEqual([false, false, false, false, true])
    expect(lines.map((line) => line.isAncestor)).toEqual([true, false, true, true, false])
    expect(lines[0]).toMatchObject({ afterCut: 3, parentId: 3n, committedMs: 5000 })
    expect(lines[2]).toMatchObject({
      deletedRows: 3,
      addedPositionDeletes: 2,
      addedFiles: 1,
      deletedFiles: 1,
    })
    expect(lines[3]).toMatchObject({ addedRows: 7, addedFiles: 1 })
  })

  it('is empty for a table without snapshots', async () => {
    const { metadata: empty } = await findTable(lake, 'gold.bars')
    expect(readTableHistory(empty)).toEqual([])
  })
})
