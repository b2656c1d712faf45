import { sqlString } from '../../../tables/engine/sql-text.ts'
import { mapBounded } from '../../../tables/commit/snapshot-manifests.ts'
import { CUTS_TABLE } from '../../lake/lake-commit-context.ts'
import type { Lake } from '../../lake/lake.ts'
import { isProcessAlive } from '../../lake/process-identity.ts'
import { planHead, planRelation } from '../../loop/loop-context.ts'
import { deleteScratchRecord, readScratchRecords, type ScratchRecord } from './scratch-record.ts'
import { SCRATCH_NAMESPACE } from './scratch-run.ts'

const DELETES_AT_ONCE = 8

/** The writer's name in the rows of a cut that adopts a run's files: how it is known afterwards. */
export function writerOfRun(writer: string, run: string): string {
  return `${writer} ${runMark(run)}`
}

function runMark(run: string): string {
  return `trino-run-${run}`
}

/**
 * Drops the scratch tables of runs whose process is dead, with their files; adopted files stay.
 * Call with the lake's lock, behind what settles the commits of earlier writers.
 * @param onDead is told of a run before; statements of it may still run somewhere
 */
export async function cleanDeadScratch(
  lake: Lake,
  onDead: (run: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const living = new Set<string>()
  for (const record of await readScratchRecords(lake)) {
    const { run } = record
    if (await isProcessAlive(record.owner)) living.add(run)
    else {
      await onDead(run)
      await cleanScratch(lake, record, await isCommitted(lake, run))
    }
  }
  await dropStrays(lake, living)
}

/** A statement of a dead run may have made its table behind the cleaning. */
async function dropStrays(lake: Lake, living: ReadonlySet<string>): Promise<void> {
  const { catalog } = lake
  if ((await catalog.loadNamespace([SCRATCH_NAMESPACE])) === undefined) return
  for (const identifier of await catalog.listTables([SCRATCH_NAMESPACE])) {
    const run = identifier.name.slice(identifier.name.lastIndexOf('_') + 1)
    if (living.has(run)) continue
    const table = await catalog.loadTable(identifier)
    await catalog.dropTable(identifier)
    if (table !== undefined) await deleteFolder(lake, table.metadata.location)
  }
  if (living.size === 0) await catalog.dropNamespace([SCRATCH_NAMESPACE])
}

/**
 * Drops the scratch tables of a run, then their files, then its record: whatever stops it between
 * two steps, it can be done again.
 * @param isAdopted whether the files for the lake's tables belong to the lake now
 */
export async function cleanScratch(
  lake: Lake,
  record: ScratchRecord,
  isAdopted: boolean,
): Promise<void> {
  const { catalog } = lake
  const namespace = [SCRATCH_NAMESPACE]
  if ((await catalog.loadNamespace(namespace)) !== undefined) {
    const tables = await catalog.listTables(namespace)
    // Dropped and not purged: a purge would delete the files that the lake has adopted.
    for (const table of tables) {
      if (table.name.endsWith(`_${record.run}`)) await catalog.dropTable(table)
    }
    if (tables.every(({ name }) => name.endsWith(`_${record.run}`))) {
      await catalog.dropNamespace(namespace)
    }
  }
  await deleteFolder(lake, record.folder)
  if (!isAdopted) for (const folder of record.dataFolders) await deleteFolder(lake, folder)
  await deleteScratchRecord(lake, record.run)
}

/** Whether a cut of sluice.cuts has adopted the files of a run. Those rows are kept for ever. */
async function isCommitted(lake: Lake, run: string): Promise<boolean> {
  const cuts = await lake.catalog.loadTable(CUTS_TABLE)
  if (cuts?.metadata['current-snapshot-id'] === undefined) return false
  const session = await lake.engine.connect()
  try {
    const rows = await planRelation(lake, await planHead(lake, cuts, []))
    const [found] = await session.rows<{ count: bigint }>(
      `SELECT count(*) AS count FROM ${rows} WHERE ends_with(writer, ${sqlString(runMark(run))})`,
    )
    return (found?.count ?? 0n) > 0n
  } finally {
    session.close()
  }
}

async function deleteFolder({ fileIO }: Lake, folder: string): Promise<void> {
  const locations: string[] = []
  for await (const { location } of fileIO.list(`${folder}/`)) locations.push(location)
  await mapBounded(locations, (location) => fileIO.delete(location), DELETES_AT_ONCE)
}
