import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, CreateTableRequest, LoadedTable } from '../../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import type { CommitHooks } from '../../../tables/commit/commit-context.ts'
import type { PlanContext } from '../../../tables/commit/plan-context.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'
import { type TableIdentifier, tableId } from '../../../tables/spec/table-identifier.ts'

export interface PlanShopOptions {
  /** An existing folder; default one that goes when the shop closes. */
  readonly root?: string
  readonly hooks?: CommitHooks
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
}

/** An embedded catalog on disk and an engine: what changes from SQL are planned and committed with. */
export interface PlanShop {
  readonly context: PlanContext
  readonly root: string
  create(name: string, table: ShopTable): Promise<LoadedTable>
  load(identifier: TableIdentifier): Promise<LoadedTable>
  /** The live rows, sorted by all columns. `select` over the table's columns. */
  rows(identifier: TableIdentifier, select?: string, withLineage?: boolean): Promise<unknown[][]>
  close(): Promise<void>
}

export interface ShopTable {
  readonly columns: Readonly<Record<string, IcebergType>>
  readonly required?: readonly string[]
  readonly partition?: readonly (readonly [column: string, transform: PartitionTransform])[]
  readonly sort?: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  readonly formatVersion?: 1 | 2 | 3
}

export async function openPlanShop(options: PlanShopOptions = {}): Promise<PlanShop> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), 'sluice-plan-')))
  // Inside of the root, so that a killed process leaves nothing elsewhere.
  const scratchDir = await mkdtemp(join(root, 'scratch-'))
  const engine = await createEngine({ scratchDir })
  const session = await engine.connect()
  const fileIO = createLocalFileIO()
  const own = { fileIO, clock: systemClock, ids: randomIds }
  const opened = openEmbeddedCatalog({
    path: join(root, 'catalog.db'),
    warehouse: locationOfPath(join(root, 'warehouse')),
    ...own,
  })
  const namespaces = await opened.listNamespaces()
  if (namespaces.length === 0) await opened.createNamespace(['db'])
  const context: PlanContext = {
    ...own,
    catalog: options.wrapCatalog?.(opened) ?? opened,
    manifestCache: createManifestCache(),
    session,
    scratchDir,
    sleep: () => Promise.resolve(),
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
  }
  const load = async (identifier: TableIdentifier): Promise<LoadedTable> => {
    const table = await opened.loadTable(identifier)
    if (table === undefined) throw new Error('the table is missing')
    return table
  }
  return {
    context,
    root,
    create: (name, table) => opened.createTable(tableId(`db.${name}`), requestOf(table)),
    load,
    rows: async (identifier, select = '*', withLineage = false) => {
      const { metadata } = await load(identifier)
      // A cache of its own: what the writer remembers proves nothing.
      const plan = await planScan({ fileIO, metadata })
      const sql = await scanSql(plan, fileIO, { withLineage })
      const rows = await session.rows<Record<string, unknown>>(
        `SELECT ${select} FROM (${sql}) ORDER BY ALL`,
      )
      return rows.map((row) => Object.values(row))
    },
    close: async () => {
      session.close()
      await engine.close()
      await opened.close()
      await rm(scratchDir, { recursive: true, force: true })
      if (options.root === undefined) await rm(root, { recursive: true, force: true })
    },
  }
}

/** Field ids count from 1 in the order of the columns; those of nested types are given by hand. */
function requestOf(table: ShopTable): CreateTableRequest {
  const names = Object.keys(table.columns)
  const idOf = (column: string): number => names.indexOf(column) + 1
  return {
    schema: {
      type: 'struct',
      'schema-id': 0,
      fields: Object.entries(table.columns).map(([name, type], index) => ({
        id: index + 1,
        name,
        required: table.required?.includes(name) ?? false,
        type,
      })),
    },
    partitionSpec: {
      'spec-id': 0,
      fields: (table.partition ?? []).map(([column, transform], index) => ({
        'source-id': idOf(column),
        'field-id': 1000 + index,
        name: transform === 'identity' ? column : `${column}_${transform.replace(/\W.*/, '')}`,
        transform,
      })),
    },
    sortOrder: {
      'order-id': (table.sort ?? []).length === 0 ? 0 : 1,
      fields: (table.sort ?? []).map((column) => ({
        transform: 'identity',
        'source-id': idOf(column),
        direction: 'asc',
        'null-order': 'nulls-first',
      })),
    },
    properties: table.properties ?? {},
    formatVersion: table.formatVersion ?? 2,
  }
}
