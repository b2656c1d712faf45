import type { Catalog, LoadedTable } from '../../../tables/catalog/catalog.ts'
import { encodeHeads } from '../../../tables/spec/cut-history.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import type { Engine } from '../../../tables/engine/engine.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import type { LakeQueryOptions } from '../../../tables/query/choose-cut.ts'
import type { LakeQuery } from '../../../tables/query/lake-query.ts'
import type { RowValue } from '../../../tables/engine/row-value.ts'
import { tableId, tableKey } from '../../../tables/spec/table-identifier.ts'
import { growTable } from '../scan/growing-table.ts'
import type { GrowingTable } from '../scan/growing-table.ts'
import { openWorkshop, sampleTable } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'

/** 2024-08-08T00:00:00Z; cut n is committed n seconds later. */
export const START_MS = 1_723_075_200_000

export interface SampleLake {
  readonly shop: Workshop
  readonly tables: ReadonlyMap<string, GrowingTable>
  readonly lakeQuery: LakeQuery
  readonly engine: Engine
  readonly catalog: Catalog
  /** Called before each load of a table, with its name. */
  onLoad: ((name: string) => Promise<void>) | undefined
  /** Commits rows to some tables as the next cut; gives its number. */
  cut(rows: Readonly<Record<string, string>>): Promise<number>
  snapshotId(table: string): bigint
  /** All rows of a query as objects. */
  rows(sql: string, options?: LakeQueryOptions): Promise<Record<string, RowValue>[]>
  close(): Promise<void>
}

/** gold.bars, gold.spreads, silver.trades and sluice.cuts, without rows, in a folder. */
export async function openSampleLake(): Promise<SampleLake> {
  const shop = await openWorkshop()
  const names = ['gold.bars', 'gold.spreads', 'silver.trades', 'sluice.cuts', 'silver.bars_raw']
  const tables = new Map(names.map((name) => [name, growTable(shop, emptyTable(shop, name))]))
  const engine = await createEngine({
    scratchDir: `${shop.scratchDir}/query`,
    allowedDirectories: [pathOfLocation(shop.location)],
  })
  const load = async (name: string): Promise<LoadedTable | undefined> => {
    await lake.onLoad?.(name)
    const table = tables.get(name)
    if (table === undefined) return undefined
    return {
      identifier: tableId(name),
      metadataLocation: 'memory://none',
      metadata: table.metadata,
    }
  }
  const catalog = readOnlyCatalog(names, load)
  const lakeQuery = createLakeQuery({
    catalog,
    fileIO: shop.fileIO,
    engine,
    cutsTable: tableId('sluice.cuts'),
  })
  let cutCount = 0
  const of = (name: string): GrowingTable => {
    const table = tables.get(name)
    if (table === undefined) throw new RangeError(name)
    return table
  }
  const lake: SampleLake = {
    shop,
    tables,
    lakeQuery,
    engine,
    catalog,
    onLoad: undefined,
    cut: async (rows) => {
      cutCount += 1
      const commit = {
        summary: { 'sluice.cut': String(cutCount), 'sluice.commit-token': `t${cutCount}` },
        timestampMs: START_MS + cutCount * 1000,
      }
      for (const [name, query] of Object.entries(rows)) await of(name).append(query, commit)
      const heads = new Map<string, bigint>()
      for (const [name, table] of tables) {
        const id = table.metadata['current-snapshot-id']
        if (id !== undefined && name !== 'sluice.cuts') heads.set(name, id)
      }
      const summary = { ...commit.summary, 'sluice.heads': encodeHeads(heads) }
      await of('sluice.cuts').append(`SELECT ${cutCount} AS cut`, { ...commit, summary })
      return cutCount
    },
    snapshotId: (name) => of(name).metadata['current-snapshot-id'] ?? 0n,
    rows: async (sql, options) => {
      const result = await lakeQuery.query(sql, options)
      const rows: Record<string, RowValue>[] = []
      for await (const row of result.rows) {
        rows.push(Object.fromEntries(result.columns.map(({ name }, i) => [name, row[i] ?? null])))
      }
      return rows
    },
    close: async () => {
      await engine.close()
      await shop.close()
    },
  }
  return lake
}

function emptyTable(shop: Workshop, name: string) {
  const location = `${shop.location}/${name.replace('.', '/')}`
  if (name === 'sluice.cuts') return sampleTable({ location, columns: { cut: 'long' } })
  return sampleTable({
    location,
    columns: { symbol: 'string', open_ts: 'timestamptz', close: 'decimal(18, 8)', n: 'long' },
    required: ['symbol'],
    partition: [['open_ts', 'month']],
    sort: ['symbol', 'open_ts'],
    properties: { comment: `The doc of ${name}, isn't it` },
  })
}

function readOnlyCatalog(
  names: readonly string[],
  load: (name: string) => Promise<LoadedTable | undefined>,
): Catalog {
  const refuse = () => Promise.reject(new Error('a query must not write'))
  return {
    capabilities: { atomicMultiTable: true },
    listNamespaces: () =>
      Promise.resolve(
        [...new Set(names.map((name) => tableId(name).namespace.join('.')))].map((n) => [n]),
      ),
    listTables: (namespace) =>
      Promise.resolve(
        names.map(tableId).filter((table) => table.namespace.join('.') === namespace.join('.')),
      ),
    loadTable: (identifier) => load(tableKey(identifier)),
    loadNamespace: refuse,
    tableExists: async (identifier) => (await load(tableKey(identifier))) !== undefined,
    createNamespace: refuse,
    updateNamespaceProperties: refuse,
    dropNamespace: refuse,
    createTable: refuse,
    stageTable: refuse,
    registerTable: refuse,
    renameTable: refuse,
    dropTable: refuse,
    purgeTable: refuse,
    commitTransaction: refuse,
    close: () => Promise.resolve(),
  }
}

/** One row a symbol, all in one minute of a month of 2024. */
export function bars(month: number, close: number, symbols: readonly string[]): string {
  const ts = `TIMESTAMPTZ '2024-${String(month).padStart(2, '0')}-08 00:01:02.000003+00'`
  const rows = symbols.map((symbol, index) => `('${symbol}', ${ts}, ${close}, ${index})`)
  return `FROM (VALUES ${rows.join(', ')}) t(symbol, open_ts, close, n)`
}
