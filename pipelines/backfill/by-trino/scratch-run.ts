import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import { createTwinTable } from '../../../tables/commit/create-twin-table.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { joinLocation } from '../../../tables/file-io/location.ts'
import { type TableIdentifier, tableKey } from '../../../tables/spec/table-identifier.ts'
import { identifyProcess } from '../../lake/process-identity.ts'
import type { Lake } from '../../lake/lake.ts'
import { writeScratchRecord, type ScratchRecord } from './scratch-record.ts'

/** Where scratch tables are, beside the lake's own namespaces. */
export const SCRATCH_NAMESPACE = 'sluice_scratch'

/** The scratch tables of one cut. */
export interface ScratchRun {
  readonly record: ScratchRecord
  /** The identifier of a scratch table by its short name. */
  identifier(name: string): TableIdentifier
  /** Where a scratch table lies that holds its own files. */
  location(name: string): string
  /** Makes an empty table like one of the lake, whose files the lake can adopt. */
  createTwin(original: LoadedTable): Promise<void>
  /** The short name of a table's twin. */
  twinName(table: string): string
  /** A scratch table as the catalog has it now. */
  load(name: string): Promise<LoadedTable>
}

const RUN_LENGTH = 16

/**
 * Notes a new run and makes the namespace. Scratch lies below tables of the lake, on the stores
 * that hold the same rows afterwards, so that the search for orphans finds whatever is left.
 * @param targets the tables that adopt files; the store of the first takes all else
 */
export async function openScratchRun(
  lake: Lake,
  targets: readonly [LoadedTable, ...LoadedTable[]],
): Promise<ScratchRun> {
  const { catalog, ids } = lake
  const [{ metadata: bronze }] = targets
  const run = ids.uuid().replaceAll('-', '').toLowerCase().slice(0, RUN_LENGTH)
  const dataFolderOf = ({ metadata }: LoadedTable) =>
    joinLocation(metadata.location, 'data', `run-${run}`)
  const record: ScratchRecord = {
    run,
    owner: await identifyProcess(),
    folder: joinLocation(bronze.location, 'scratch', run),
    dataFolders: targets.map(dataFolderOf),
  }
  await writeScratchRecord(lake, record)
  if ((await catalog.loadNamespace([SCRATCH_NAMESPACE])) === undefined) {
    const location = joinLocation(bronze.location, 'scratch')
    await catalog.createNamespace([SCRATCH_NAMESPACE], { location })
  }
  const identifier = (name: string): TableIdentifier => ({
    namespace: [SCRATCH_NAMESPACE],
    name: `${name}_${run}`,
  })
  const location = (name: string) => joinLocation(record.folder, name)
  const twinName = (table: string) => table.replace('.', '_')
  return {
    record,
    identifier,
    location,
    twinName,
    createTwin: async (original) => {
      const name = twinName(tableKey(original.identifier))
      await createTwinTable({ catalog, ids }, original, {
        identifier: identifier(name),
        location: location(name),
        dataLocation: dataFolderOf(original),
      })
    },
    load: async (name) => {
      const table = await catalog.loadTable(identifier(name))
      if (table !== undefined) return table
      throw new SluiceError(
        'data-loss',
        `The scratch table ${tableKey(identifier(name))} is gone from the catalog. Nothing was ` +
          'committed. Start again.',
      )
    },
  }
}
