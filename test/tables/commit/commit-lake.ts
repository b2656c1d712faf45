import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalog, LoadedTable } from '../../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import type { IdSource } from '../../../tables/clock.ts'
import { commitCut, type CommittedCut } from '../../../tables/commit/commit-cut.ts'
import type { CommitContext, CommitHooks } from '../../../tables/commit/commit-context.ts'
import {
  headRequirements,
  snapshotUpdates,
  stageTable,
} from '../../../tables/commit/stage-table.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import type { LadderRules } from '../../../tables/maintain/ladder.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import type { DataFile, PositionDelete } from '../../../tables/spec/manifest.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import { type TableIdentifier, tableId, tableKey } from '../../../tables/spec/table-identifier.ts'
import { makeDataFile } from '../../support/data-file.ts'
import { createTestClock, type TestClock } from '../../support/memory-lake.ts'

export const TRADES = tableId('lake.trades')
export const BARS = tableId('lake.bars')
export const IDLE = tableId('lake.idle')
export const CUTS = tableId('lake.cuts')
export const DATA_TABLES = [TRADES, BARS, IDLE]

/** Where cuts are decided over a catalog that is not atomic. */
export const JOURNALS = 'memory://lake/_sluice/cuts'

export const START_US = 1_700_000_000_000_000n

const schema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', type: 'long', required: true },
    { id: 2, name: 'day', type: 'date', required: true },
  ],
}

const partitionSpec = {
  'spec-id': 0,
  fields: [{ 'source-id': 2, 'field-id': 1000, name: 'day', transform: 'identity' as const }],
}

/** A lake of three data tables and a cuts table whose data files are names only. */
export interface CommitLake {
  readonly context: CommitContext
  readonly clock: TestClock
  load(table: TableIdentifier): Promise<LoadedTable>
}

/** What a catalog of a commit lake is made of. */
export interface CatalogParts {
  readonly warehouse: string
  readonly fileIO: FileIO
  readonly clock: TestClock
  readonly ids: IdSource
}

export interface CommitLakeOptions {
  /** By default the embedded one. */
  readonly openCatalog?: (parts: CatalogParts) => Catalog | Promise<Catalog>
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
  readonly wrapFileIO?: (fileIO: FileIO) => FileIO
  readonly hooks?: CommitHooks
  readonly retention?: LadderRules
  readonly previousVersionsMax?: number
}

export async function openCommitLake(options: CommitLakeOptions = {}): Promise<CommitLake> {
  const clock = createTestClock(START_US)
  const memory = createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused'), clock })
  const fileIO = options.wrapFileIO?.(memory) ?? memory
  const ids = countingIds()
  const openCatalog = options.openCatalog ?? openEmbedded
  const inner = await openCatalog({ warehouse: 'memory://lake/warehouse', fileIO, clock, ids })
  await inner.createNamespace(['lake'])
  for (const table of [...DATA_TABLES, CUTS]) {
    const previous = String(options.previousVersionsMax ?? 20)
    const properties = { 'write.metadata.previous-versions-max': previous }
    await inner.createTable(table, { schema, partitionSpec, formatVersion: 2, properties })
  }
  const catalog = options.wrapCatalog?.(inner) ?? inner
  return {
    clock,
    context: {
      catalog,
      fileIO,
      clock,
      ids,
      manifestCache: createManifestCache(),
      sleep: () => Promise.resolve(),
      journalFolder: JOURNALS,
      ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
      ...(options.retention === undefined ? {} : { retention: options.retention }),
    },
    load: (table) => loadFrom(inner, table),
  }
}

export function openEmbedded(parts: CatalogParts): Catalog {
  return openEmbeddedCatalog({ ...parts, path: ':memory:' })
}

export async function loadFrom(catalog: Catalog, table: TableIdentifier): Promise<LoadedTable> {
  const loaded = await catalog.loadTable(table)
  if (loaded === undefined) throw new Error(`${tableKey(table)} is missing`)
  return loaded
}

/** Ids that differ from each other and from those of another lake, without chance. */
export function countingIds(): IdSource {
  let next = 0
  return {
    uuid: () => {
      next += 1
      return `00000000-0000-4000-8000-${String(next).padStart(12, '0')}`
    },
    snapshotId: () => {
      next += 1
      return 4_611_686_018_427_387_904n + BigInt(next) * 1_000_003n
    },
  }
}

/** A data file that is a name: commits never open data files. */
export function dataFile(
  filePath: string,
  facts: { readonly day?: number; readonly recordCount?: number; readonly sizeBytes?: number } = {},
): DataFile {
  return makeDataFile(`memory://lake/warehouse/lake/${filePath}.parquet`, {
    partition: { day: facts.day ?? 20_000 },
    recordCount: facts.recordCount ?? 10,
    fileSizeBytes: facts.sizeBytes ?? 1_000,
  })
}

/** A position delete file that names one data file. */
export function positionDelete(name: string, of: DataFile, recordCount = 1): PositionDelete {
  return {
    ...dataFile(name, { recordCount }),
    content: 'position-deletes',
    partition: of.partition,
    referencedDataFile: of.filePath,
  }
}

/** A change that does nothing but what is said. */
export function change(
  identifier: TableIdentifier,
  what: Partial<Omit<TableChange, 'identifier'>>,
): TableChange {
  return {
    identifier,
    operation: 'append',
    addDataFiles: [],
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
    ...what,
  }
}

export interface TestCut {
  readonly cutNumber: number
  readonly previousCut?: number
  readonly token?: string
  readonly changes: readonly TableChange[]
  /** Heads that tables are set to, by dotted name; null: to none. */
  readonly restoredHeads?: ReadonlyMap<string, bigint | null>
  readonly rederive?: () => Promise<readonly TableChange[]>
}

/** Commits a cut whose own row is one file. */
export async function cut(lake: CommitLake, request: TestCut): Promise<CommittedCut> {
  const { cutNumber, rederive, restoredHeads } = request
  let attempts = 0
  return commitCut(lake.context, {
    cutsTable: CUTS,
    lakeTables: DATA_TABLES,
    previousCut: request.previousCut ?? cutNumber - 1,
    cutNumber,
    token: request.token ?? `token-${cutNumber}`,
    committedUs: lake.clock.nowUs(),
    changes: request.changes,
    cutRows: () => {
      attempts += 1
      const name = `cuts/data/cut-${cutNumber}-${request.token ?? ''}-${attempts}`
      return Promise.resolve([dataFile(name, { recordCount: 1 })])
    },
    cutsProperties: { 'sluice.positions': `{"cut":${cutNumber}}` },
    ...(rederive === undefined ? {} : { rederive }),
    ...(restoredHeads === undefined ? {} : { restoredHeads }),
  })
}

/** A commit by somebody else: no cut, no token. */
export async function commitForeign(
  lake: CommitLake,
  what: TableChange,
  catalog: Catalog = lake.context.catalog,
): Promise<void> {
  const table = await loadFrom(catalog, what.identifier)
  const staged = await stageTable(lake.context, {
    table,
    change: what,
    snapshotId: lake.context.ids.snapshotId(),
    timestampMs: table.metadata['last-updated-ms'],
    summary: {},
  })
  await catalog.commitTransaction([
    {
      identifier: what.identifier,
      requirements: headRequirements(table),
      updates: snapshotUpdates(staged.snapshot),
    },
  ])
}

/** An append of one file. */
export const append = (table: TableIdentifier, name: string): TableChange =>
  change(table, { addDataFiles: [dataFile(name)] })

/** Which metadata file is each table's current one: equal before and after = nothing changed. */
export async function headLocations(lake: CommitLake): Promise<string[]> {
  const tables = await Promise.all([...DATA_TABLES, CUTS].map((table) => lake.load(table)))
  return tables.map((table) => table.metadataLocation)
}

/** Runs `before` once, right before the catalog is called for the n-th time. */
export function interfere(nthCall: number, before: (inner: Catalog) => Promise<void>) {
  let calls = 0
  return (inner: Catalog): Catalog => ({
    ...inner,
    commitTransaction: async (commits) => {
      calls += 1
      if (calls === nthCall) await before(inner)
      return inner.commitTransaction(commits)
    },
  })
}
