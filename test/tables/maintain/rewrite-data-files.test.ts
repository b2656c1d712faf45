import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { systemClock } from '../../../tables/clock.ts'
import { commitCut } from '../../../tables/commit/commit-cut.ts'
import type { CommitContext } from '../../../tables/commit/commit-context.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import { defaultCompaction } from '../../../tables/maintain/plan-compaction.ts'
import type { CompactionRules } from '../../../tables/maintain/plan-compaction.ts'
import { groupWriter, rewriteDataFiles } from '../../../tables/maintain/rewrite-data-files.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { openWorkshop, type Workshop } from '../write/sample-table.ts'
import { change, loadFrom } from '../commit/commit-lake.ts'
import { writeEqualityDelete } from '../scan/foreign-files.ts'

const TRADES = tableId('market.trades')
const CUTS = tableId('market.cuts')

const schema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', type: 'long', required: true },
    { id: 2, name: 'event_ts', type: 'timestamptz', required: true },
  ],
}
const partitionSpec = {
  'spec-id': 0,
  fields: [{ 'source-id': 2, 'field-id': 1000, name: 'event_ts_day', transform: 'day' as const }],
}

describe('rewriteDataFiles', () => {
  let workshop: Workshop
  let context: CommitContext
  let lastCut = 0

  beforeAll(async () => {
    workshop = await openWorkshop()
    const { fileIO, ids, location } = workshop
    const catalog = openEmbeddedCatalog({
      path: ':memory:',
      warehouse: location,
      fileIO,
      clock: systemClock,
      ids,
    })
    await catalog.createNamespace(['market'])
    await catalog.createTable(TRADES, { schema, partitionSpec })
    await catalog.createTable(CUTS, { schema: { ...schema, fields: schema.fields.slice(0, 1) } })
    const manifestCache = createManifestCache()
    context = { catalog, fileIO, clock: systemClock, ids, manifestCache }
  })
  afterAll(async () => {
    await context.catalog.close()
    await workshop.close()
  })

  async function commit(...changes: readonly TableChange[]) {
    const cuts = await loadFrom(context.catalog, CUTS)
    const cutNumber = lastCut + 1
    await commitCut(context, {
      cutsTable: CUTS,
      lakeTables: [TRADES],
      previousCut: lastCut,
      cutNumber,
      token: `token-${cutNumber}`,
      committedUs: systemClock.nowUs(),
      changes,
      cutRows: () => writeDataFiles(workshop, cuts.metadata, `SELECT ${cutNumber}::BIGINT AS id`),
      cutsProperties: {},
    })
    lastCut = cutNumber
  }

  async function append(query: string): Promise<DataFile[]> {
    const { metadata } = await loadFrom(context.catalog, TRADES)
    const files = await writeDataFiles(workshop, metadata, query)
    await commit(change(TRADES, { addDataFiles: files }))
    return files
  }

  const rewrite = (identifier: typeof TRADES, rules: CompactionRules = defaultCompaction) =>
    rewriteDataFiles(context, {
      rules,
      cutsTable: CUTS,
      identifier,
      afterCut: () => lastCut,
      writeGroup: groupWriter(context, workshop),
    })

  async function read(identifier: typeof TRADES) {
    const { metadata } = await loadFrom(context.catalog, identifier)
    const plan = await planScan({ fileIO: context.fileIO, metadata })
    const rows = await scanSql(plan, context.fileIO)
    const ids = await workshop.session.rows<{ id: bigint }>(`SELECT id FROM (${rows}) ORDER BY id`)
    return { ids: ids.map((row) => Number(row.id)), tasks: plan.tasks }
  }

  it('makes one file of 32, keeps every row but the deleted ones, and folds deletes in', async () => {
    const rowsOf = (n: number) =>
      `SELECT i::BIGINT AS id, '2024-08-08 10:00:00+00'::TIMESTAMPTZ AS event_ts ` +
      `FROM range(${n * 3}, ${n * 3 + 3}) AS r(i)`
    const [first] = await append(rowsOf(0))
    if (first === undefined) throw new Error('no file')
    for (let n = 1; n < 31; n++) await append(rowsOf(n))
    expect(await rewrite(TRADES)).toBeUndefined()
    const { metadata } = await loadFrom(context.catalog, TRADES)
    const deletes = await writePositionDeletes(workshop, metadata, [
      { file: first, positions: [1n] },
    ])
    const added = await writeDataFiles(workshop, metadata, rowsOf(31))
    await commit(
      change(TRADES, {
        operation: 'overwrite',
        addDataFiles: added,
        addDeletes: deletes,
        mustBeLive: [first.filePath],
      }),
    )
    const before = await read(TRADES)
    const expected = Array.from({ length: 96 }, (_, id) => id).filter((id) => id !== 1)
    expect(before.ids).toEqual(expected)
    expect(before.tasks).toHaveLength(32)

    const rewritten = await rewrite(TRADES)
    expect(rewritten).toMatchObject({ removedFileCount: 32, addedFileCount: 1 })
    const after = await read(TRADES)
    expect(after.ids).toEqual(expected)
    expect(after.tasks.map((task) => [task.file.recordCount, task.deletes.length])).toEqual([
      [95, 0],
    ])
    expect(await rewrite(TRADES)).toBeUndefined()
  })

  it('leaves out rows that another engine deleted by their values', async () => {
    const { metadata } = await loadFrom(context.catalog, TRADES)
    const [file] = (await read(TRADES)).tasks.map((task) => task.file)
    if (file === undefined) throw new Error('no file')
    const deletes = await writeEqualityDelete(workshop, {
      location: `${metadata.location}/data/e`,
      fields: schema.fields.slice(0, 1),
      query: 'SELECT unnest([0, 5, 7]) AS id',
      equalityIds: [1],
      partition: file.partition,
    })
    // We never write such deletes ourselves, so no change of ours has a place for them.
    const addDeletes = [deletes] as unknown as TableChange['addDeletes']
    await commit(change(TRADES, { operation: 'delete', addDeletes }))
    const before = await read(TRADES)
    expect(before.ids).toHaveLength(92)
    expect(before.tasks.map((task) => task.deletes.length)).toEqual([1])
    await append(`SELECT 5::BIGINT AS id, '2024-08-08 10:00:00+00'::TIMESTAMPTZ AS event_ts`)
    const rewritten = await rewrite(TRADES, { ...defaultCompaction, fanIn: 2 })
    expect(rewritten).toMatchObject({ removedFileCount: 2, addedFileCount: 1 })
    const after = await read(TRADES)
    expect(after.ids).toEqual([...before.ids, 5].sort((a, b) => a - b))
    expect(after.tasks.map((task) => task.deletes.length)).toEqual([0])
  })

  it('compacts the cuts table with its rows kept', async () => {
    const before = await read(CUTS)
    expect(before.tasks).toHaveLength(34)
    expect(await rewrite(CUTS)).toMatchObject({ removedFileCount: 34, addedFileCount: 1 })
    const after = await read(CUTS)
    expect(after.ids).toEqual(before.ids)
    expect(after.ids).toEqual(Array.from({ length: 34 }, (_, index) => index + 1))
    expect(after.tasks).toHaveLength(1)
  })
})
