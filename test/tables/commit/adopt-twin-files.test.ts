import { afterEach, expect, it } from 'vitest'
import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import { adoptTwinFiles } from '../../../tables/commit/adopt-twin-files.ts'
import { commitChange } from '../../../tables/commit/commit-change.ts'
import { createTwinTable } from '../../../tables/commit/create-twin-table.ts'
import { planAppend } from '../../../tables/commit/plan-append.ts'
import { planDeleteWhere } from '../../../tables/commit/plan-delete-where.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import { joinLocation } from '../../../tables/file-io/location.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { openPlanShop, type PlanShop, type ShopTable } from './plan-shop.ts'

const shops: PlanShop[] = []

afterEach(async () => {
  await Promise.all(shops.splice(0).map((shop) => shop.close()))
})

const numbers: ShopTable = {
  columns: { id: 'long', day: 'date' },
  partition: [['day', 'day']],
  sort: ['id'],
}

const TWENTY = "SELECT i AS id, DATE '2024-01-01' + (i // 10)::INTEGER AS day FROM range(20) t(i)"
const TWIN = tableId('db.twin')

/**
 * A table whose columns and partitions have been changed, so that their ids and its spec are not
 * those of a new one, and a twin of it.
 */
async function open(formatVersion: 2 | 3 = 2) {
  const shop = await openPlanShop()
  shops.push(shop)
  const created = await shop.create('numbers', { ...numbers, formatVersion })
  const fields = [
    { id: 2, name: 'day', required: false, type: 'date' },
    { id: 3, name: 'id', required: false, type: 'long' },
  ] as const
  const [original] = await shop.context.catalog.commitTransaction([
    {
      identifier: created.identifier,
      requirements: [],
      updates: [
        { action: 'add-schema', schema: { type: 'struct', 'schema-id': 1, fields } },
        { action: 'set-current-schema', 'schema-id': -1 },
        {
          action: 'add-spec',
          spec: {
            'spec-id': 1,
            fields: [{ 'source-id': 2, 'field-id': 1001, name: 'day_month', transform: 'month' }],
          },
        },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': { 'order-id': 2, fields: [SORT] } },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
      ],
    },
  ])
  if (original === undefined) throw new Error('the table is missing')
  const dataLocation = joinLocation(original.metadata.location, 'data', 'run-1')
  const twin = await createTwinTable(shop.context, original, {
    identifier: TWIN,
    location: joinLocation(original.metadata.location, 'scratch', '1'),
    dataLocation,
  })
  return { shop, original, twin, dataLocation }
}

const SORT = {
  'source-id': 3,
  transform: 'identity',
  direction: 'asc',
  'null-order': 'nulls-first',
} as const

async function fill(shop: PlanShop, twin: LoadedTable): Promise<LoadedTable> {
  const change = await planAppend(shop.context, twin, TWENTY)
  return (await commitChange(shop.context, twin.identifier, change)).table
}

function adding(original: LoadedTable, addDataFiles: readonly DataFile[]): TableChange {
  return {
    identifier: original.identifier,
    operation: 'append',
    addDataFiles,
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  }
}

it.each([2, 3] as const)(
  'files of a twin become files of its original and outlive it, in format version %i',
  async (formatVersion) => {
    const { shop, original, twin, dataLocation } = await open(formatVersion)
    const filled = await fill(shop, twin)
    const files = await adoptTwinFiles(shop.context, original, filled)
    expect(files.length).toBeGreaterThan(0)
    expect(files.every(({ filePath }) => filePath.startsWith(`${dataLocation}/`))).toBe(true)
    await commitChange(shop.context, original.identifier, adding(original, files))
    await shop.context.catalog.dropTable(TWIN)
    const rows = await shop.rows(original.identifier, 'id, day::VARCHAR')
    expect(rows).toEqual(
      Array.from({ length: 20 }, (_, id) => [BigInt(id), id < 10 ? '2024-01-01' : '2024-01-02']),
    )
    const { metadata } = await shop.load(original.identifier)
    expect(files.map(({ specId }) => specId)).toEqual(files.map(() => metadata['default-spec-id']))
  },
)

it('a file without field ids, or with those of others, is not taken over', async () => {
  const { shop, original, twin, dataLocation } = await open()
  const filled = await fill(shop, twin)
  const [file] = await adoptTwinFiles(shop.context, original, filled)
  if (file === undefined) throw new Error('there is no file')
  const foreignIds = ['', ', FIELD_IDS {id: 1, day: 2}', ', FIELD_IDS {id: 2, day: 3}']
  for (const [index, ids] of foreignIds.entries()) {
    const location = joinLocation(dataLocation, `foreign-${index}.parquet`)
    await shop.context.session.run(
      `COPY (SELECT 1::BIGINT AS id, DATE '2024-01-01' AS day) ` +
        `TO '${pathOfLocation(location)}' (FORMAT parquet${ids})`,
    )
    const fileSizeBytes = (await shop.context.fileIO.stat(location))?.sizeBytes ?? 0
    const foreign = { ...file, specId: 0, filePath: location, fileSizeBytes, recordCount: 1 }
    // One after the other in the place of the good one, so that each is met alone.
    const before = joinLocation(dataLocation, `foreign-${index - 1}.parquet`)
    const { table: broken } = await commitChange(shop.context, TWIN, {
      ...adding(await shop.load(TWIN), [foreign]),
      operation: 'overwrite',
      removePaths: [index === 0 ? file.filePath : before],
    })
    await expect(adoptTwinFiles(shop.context, original, broken)).rejects.toThrow(
      `foreign-${index}.parquet has the columns`,
    )
  }
})

it('a twin is refused whose rows were deleted, or whose original has another column by now', async () => {
  const { shop, original, twin } = await open()
  const filled = await fill(shop, twin)
  const deletion = await planDeleteWhere(shop.context, filled, 'id = 3')
  const { table: deleted } = await commitChange(shop.context, TWIN, deletion)
  const adopting = (table: LoadedTable, from: LoadedTable) =>
    adoptTwinFiles(shop.context, table, from)
  await expect(adopting(original, deleted)).rejects.toThrow(/rows of .* were deleted/)
  const older = await shop.create('older', numbers)
  await expect(adopting(older, filled)).rejects.toThrow(/its columns or partitions were changed/)
})
