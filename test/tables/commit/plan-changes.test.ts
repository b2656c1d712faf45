import { afterEach, describe, expect, it } from 'vitest'
import type { Catalog, LoadedTable } from '../../../tables/catalog/catalog.ts'
import { commitChange, type CommittedChange } from '../../../tables/commit/commit-change.ts'
import { planAppend } from '../../../tables/commit/plan-append.ts'
import { planDeleteWhere } from '../../../tables/commit/plan-delete-where.ts'
import { planOverwrite } from '../../../tables/commit/plan-overwrite.ts'
import { planReplaceFiles } from '../../../tables/commit/plan-replace-files.ts'
import { loadLiveEntries } from '../../../tables/commit/snapshot-manifests.ts'
import { countTotals } from '../../../tables/commit/snapshot-summary.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { openPlanShop, type PlanShop, type PlanShopOptions, type ShopTable } from './plan-shop.ts'

const shops: PlanShop[] = []

afterEach(async () => {
  await Promise.all(shops.splice(0).map((shop) => shop.close()))
})

const numbers: ShopTable = {
  columns: { id: 'long', day: 'date' },
  partition: [['day', 'identity']],
  sort: ['id'],
}

/** Ten rows in each of two days, one file a day. */
const TWENTY = "SELECT i AS id, DATE '2024-01-01' + (i // 10)::INTEGER AS day FROM range(20) t(i)"

async function open(options: PlanShopOptions = {}): Promise<PlanShop> {
  const shop = await openPlanShop(options)
  shops.push(shop)
  return shop
}

async function filled(shop: PlanShop, table: ShopTable = numbers): Promise<LoadedTable> {
  const created = await shop.create('numbers', table)
  const change = await planAppend(shop.context, created, TWENTY)
  return (await commitChange(shop.context, created.identifier, change)).table
}

async function ids(shop: PlanShop, table: LoadedTable): Promise<number[]> {
  const rows = await shop.rows(table.identifier, 'id')
  return rows.map(([id]) => Number(id))
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index)

function summaryOf({ table, snapshotId }: CommittedChange): Readonly<Record<string, string>> {
  const found = table.metadata.snapshots.find((one) => one['snapshot-id'] === snapshotId)
  return found?.summary ?? {}
}

describe.each([1, 2, 3] as const)('a table of format version %i', (formatVersion) => {
  const table = { ...numbers, formatVersion }

  it('loses the rows of a condition, from whole files and from parts of files', async () => {
    const shop = await open()
    const base = await filled(shop, table)
    const first = await planDeleteWhere(shop.context, base, 'id IN (3, 15, 16) OR id IS NULL')
    const one = await commitChange(shop.context, base.identifier, first)
    expect(await ids(shop, base)).toEqual(range(0, 20).filter((id) => ![3, 15, 16].includes(id)))
    const second = await planDeleteWhere(shop.context, one.table, 'id < 12', [
      { column: 'id', op: '<', value: 12n },
    ])
    expect(second.removePaths.length).toBe(formatVersion === 1 ? 2 : 1)
    const two = await commitChange(shop.context, base.identifier, second)
    expect(await ids(shop, base)).toEqual([12, 13, 14, 17, 18, 19])
    const gone = await planDeleteWhere(shop.context, two.table, 'true')
    await commitChange(shop.context, base.identifier, gone)
    expect(await ids(shop, base)).toEqual([])
    expect(
      await loadLiveEntries({ ...shop.context }, (await shop.load(base.identifier)).metadata),
    ).toEqual([])
  })

  it('is overwritten by range, and says what it holds', async () => {
    const shop = await open()
    const base = await filled(shop, table)
    const filter = [
      { column: 'id', op: '>=', value: 5n },
      { column: 'id', op: '<', value: 20n },
    ] as const
    const query = "SELECT 100 + i AS id, DATE '2024-01-02' AS day FROM range(3) t(i)"
    const change = await planOverwrite(shop.context, base, filter, query)
    const committed = await commitChange(shop.context, base.identifier, change)
    expect(await ids(shop, base)).toEqual([0, 1, 2, 3, 4, 100, 101, 102])
    const summary = summaryOf(committed)
    expect(summary.operation).toBe('overwrite')
    const manifestCache = createManifestCache()
    const { metadata } = committed.table
    const live = await loadLiveEntries({ ...shop.context, manifestCache }, metadata)
    const counted = countTotals(live)
    expect({
      records: Number(summary['total-records']),
      dataFiles: Number(summary['total-data-files']),
      deleteFiles: Number(summary['total-delete-files']),
      positionDeletes: Number(summary['total-position-deletes']),
      filesSizeBytes: Number(summary['total-files-size']),
    }).toEqual({
      records: counted.records,
      dataFiles: counted.dataFiles,
      deleteFiles: counted.deleteFiles,
      positionDeletes: counted.positionDeletes,
      filesSizeBytes: counted.filesSizeBytes,
    })
    const [snapshot] = metadata.snapshots.slice(-1)
    expect(snapshot?.['sequence-number']).toBe(formatVersion === 1 ? 0 : 2)
  })

  it('keeps its rows when files are written anew', async () => {
    const shop = await open()
    const base = await filled(shop, table)
    const deletes = await planDeleteWhere(shop.context, base, 'id % 10 = 4')
    const { table: worn } = await commitChange(shop.context, base.identifier, deletes)
    const before = await shop.rows(base.identifier)
    const entries = await loadLiveEntries(shop.context, worn.metadata)
    const paths = entries.flatMap(({ file }) => (file.content === 'data' ? [file.filePath] : []))
    const change = await planReplaceFiles(shop.context, worn, paths)
    const { table: fresh } = await commitChange(shop.context, base.identifier, change)
    expect(await shop.rows(base.identifier)).toEqual(before)
    const after = await loadLiveEntries(shop.context, fresh.metadata)
    expect(after.every(({ file }) => file.content === 'data')).toBe(true)
    await expect(planReplaceFiles(shop.context, fresh, paths)).rejects.toThrow(/not in the current/)
  })
})

describe('row ids of format version 3', () => {
  const lineage = '_row_id, _last_updated_sequence_number, id'

  it('are counted through appends, merges of manifests and deletes, and stay with their rows', async () => {
    const shop = await open()
    let { table } = { table: await filled(shop, { ...numbers, formatVersion: 3 }) }
    const { identifier } = table
    for (let round = 0; round < 12; round += 1) {
      const query = `SELECT ${100 + round} AS id, DATE '2024-01-01' AS day`
      const change = await planAppend(shop.context, table, query)
      table = (await commitChange(shop.context, identifier, change)).table
    }
    const rows = await shop.rows(identifier, lineage, true)
    const expected = [
      ...range(0, 20).map((id) => [BigInt(id), 1n, BigInt(id)]),
      ...range(0, 12).map((round) => [BigInt(20 + round), BigInt(2 + round), BigInt(100 + round)]),
    ]
    // Merged manifests waste numbers, so ids rise, but not one by one.
    expect(rows.map(([, sequence, id]) => [sequence, id])).toEqual(
      expected.map(([, sequence, id]) => [sequence, id]),
    )
    expect(new Set(rows.map(([rowId]) => rowId)).size).toBe(32)
    const next = table.metadata['next-row-id'] ?? 0
    for (const [rowId] of rows) expect(Number(rowId)).toBeLessThan(next)

    const deletes = await planDeleteWhere(shop.context, table, 'id IN (2, 105)')
    table = (await commitChange(shop.context, identifier, deletes)).table
    const kept = rows.filter(([, , id]) => id !== 2n && id !== 105n)
    expect(await shop.rows(identifier, lineage, true)).toEqual(kept)

    const entries = await loadLiveEntries(shop.context, table.metadata)
    const paths = entries.flatMap(({ file }) => (file.content === 'data' ? [file.filePath] : []))
    const rewrite = await planReplaceFiles(shop.context, table, paths)
    table = (await commitChange(shop.context, identifier, rewrite)).table
    expect(await shop.rows(identifier, lineage, true)).toEqual(kept)
  })

  it('are given to rows of a table that was upgraded, once', async () => {
    const shop = await open()
    const base = await filled(shop)
    const deletes = await planDeleteWhere(shop.context, base, 'id = 1')
    await commitChange(shop.context, base.identifier, deletes)
    const [upgraded] = await shop.context.catalog.commitTransaction([
      {
        identifier: base.identifier,
        requirements: [],
        updates: [{ action: 'upgrade-format-version', 'format-version': 3 }],
      },
    ])
    if (upgraded === undefined) throw new Error('nothing was upgraded')
    const merged = await planDeleteWhere(shop.context, upgraded, 'id = 2 OR id = 3')
    expect(merged.addDeletes.map((file) => [file.content, file.recordCount])).toEqual([
      ['deletion-vector', 3],
    ])
    const { table } = await commitChange(shop.context, base.identifier, merged)
    const entries = await loadLiveEntries(shop.context, table.metadata)
    expect(entries.filter(({ file }) => file.content !== 'data')).toHaveLength(1)
    const rows = await shop.rows(base.identifier, '_row_id, id', true)
    expect(rows.map(([, id]) => Number(id))).toEqual([0, ...range(4, 20)])
    expect(new Set(rows.map(([rowId]) => rowId)).size).toBe(17)
    expect(rows.every(([rowId]) => typeof rowId === 'bigint')).toBe(true)
    const appended = await planAppend(shop.context, table, TWENTY)
    await commitChange(shop.context, base.identifier, appended)
    const later = await shop.rows(base.identifier, '_row_id, id', true)
    expect(later).toEqual(expect.arrayContaining(rows))
    expect(new Set(later.map(([rowId]) => rowId)).size).toBe(37)
  })
})

describe('a change beside foreign commits', () => {
  const append = async (shop: PlanShop, table: LoadedTable, query: string): Promise<void> => {
    const loaded = await shop.load(table.identifier)
    const change = await planAppend(shop.context, loaded, query)
    await commitChange(shop.context, table.identifier, change)
  }
  const inRange = "SELECT 3 AS id, DATE '2024-01-01' AS day"
  const beside = "SELECT 500 AS id, DATE '2024-03-01' AS day"
  const filter = [{ column: 'id', op: '<', value: 10n }] as const

  it('that do not touch its range is committed on top of them', async () => {
    const shop = await open()
    const base = await filled(shop)
    const change = await planOverwrite(shop.context, base, filter, 'SELECT 77 AS id, NULL AS day')
    await append(shop, base, beside)
    await commitChange(shop.context, base.identifier, change)
    expect(await ids(shop, base)).toEqual([...range(10, 20), 77, 500])
  })

  it('that put rows into its range is a conflict, or is planned again', async () => {
    const shop = await open()
    const base = await filled(shop)
    const plan = (table: LoadedTable) =>
      planOverwrite(shop.context, table, filter, 'SELECT 77 AS id, NULL AS day')
    const change = await plan(base)
    await append(shop, base, inRange)
    const before = await ids(shop, base)
    await expect(commitChange(shop.context, base.identifier, change)).rejects.toThrow(
      /does not fit on db\.numbers any more/,
    )
    expect(await ids(shop, base)).toEqual(before)
    await commitChange(shop.context, base.identifier, change, { replan: plan })
    expect(await ids(shop, base)).toEqual([...range(10, 20), 77])
  })

  it('that came into an empty table are seen too', async () => {
    const shop = await open()
    const empty = await shop.create('numbers', numbers)
    const change = await planOverwrite(shop.context, empty, filter, inRange)
    await append(shop, empty, inRange)
    await expect(commitChange(shop.context, empty.identifier, change)).rejects.toThrow(
      /does not fit/,
    )
  })

  // The second vector of a data file hides what the first took out, or breaks the table.
  it('that deleted from the same file of version 3 is a conflict', async () => {
    const shop = await open()
    const base = await filled(shop, { ...numbers, formatVersion: 3 })
    const mine = await planDeleteWhere(shop.context, base, 'id = 1')
    const foreign = await planDeleteWhere(shop.context, base, 'id = 2')
    await commitChange(shop.context, base.identifier, foreign)
    await expect(commitChange(shop.context, base.identifier, mine)).rejects.toThrow(/does not fit/)
    await commitChange(shop.context, base.identifier, mine, {
      replan: (table) => planDeleteWhere(shop.context, table, 'id = 1'),
    })
    expect(await ids(shop, base)).toEqual([0, ...range(3, 20)])
  })

  it('of a rewrite is a conflict where rows were deleted from its files meanwhile', async () => {
    const shop = await open()
    const base = await filled(shop)
    const entries = await loadLiveEntries(shop.context, base.metadata)
    const rewrite = await planReplaceFiles(
      shop.context,
      base,
      entries.map(({ file }) => file.filePath),
    )
    const foreign = await planDeleteWhere(shop.context, base, 'id = 2')
    await commitChange(shop.context, base.identifier, foreign)
    await expect(commitChange(shop.context, base.identifier, rewrite)).rejects.toThrow(
      /2 files|1 files/,
    )
  })
})

describe('a lost answer', () => {
  /** Commits, but answers the first call as a broken connection would. */
  const losing = (isCommitted: boolean) => (inner: Catalog) => {
    let calls = 0
    return {
      ...inner,
      commitTransaction: async (commits: Parameters<Catalog['commitTransaction']>[0]) => {
        calls += 1
        if (calls !== 2) return inner.commitTransaction(commits)
        if (isCommitted) await inner.commitTransaction(commits)
        throw new SluiceError('commit-state-unknown', 'The connection broke.')
      },
    }
  }

  it.each([true, false])('of a commit that landed (%s) commits it once', async (isCommitted) => {
    const shop = await open({ wrapCatalog: losing(isCommitted) })
    const base = await filled(shop)
    const change = await planAppend(shop.context, base, 'SELECT 7 AS id, NULL AS day')
    const { abandonedPaths } = await commitChange(shop.context, base.identifier, change)
    expect(await ids(shop, base)).toEqual(
      [...range(0, 8), 7, ...range(8, 20)].sort((a, b) => a - b),
    )
    const { metadata } = await shop.load(base.identifier)
    expect(metadata.snapshots).toHaveLength(2)
    expect(abandonedPaths.length).toBe(isCommitted ? 0 : 2)
  })
})

describe('rows of a table', () => {
  it('are rewritten on write where it says so', async () => {
    const shop = await open()
    const properties = { 'write.delete.mode': 'copy-on-write' }
    const base = await filled(shop, { ...numbers, properties, formatVersion: 3 })
    const before = await shop.rows(base.identifier, '_row_id, id', true)
    const change = await planDeleteWhere(shop.context, base, 'id = 4')
    expect([change.operation, change.addDeletes, change.addDataFiles.length]).toEqual([
      'overwrite',
      [],
      1,
    ])
    await commitChange(shop.context, base.identifier, change)
    const after = await shop.rows(base.identifier, '_row_id, id', true)
    expect(after).toEqual(before.filter(([, id]) => id !== 4n))
  })

  it('that no condition finds change nothing', async () => {
    const shop = await open()
    const base = await filled(shop)
    const change = await planDeleteWhere(shop.context, base, 'id > 100')
    const committed = await commitChange(shop.context, base.identifier, change)
    expect(committed.snapshotId).toBeUndefined()
    expect((await shop.load(base.identifier)).metadata.snapshots).toHaveLength(1)
  })
})
