import type { LoadedTable } from '../catalog/catalog.ts'
import { type Clock, nowMs } from '../clock.ts'
import { type ManifestReader, mapBounded } from '../commit/snapshot-manifests.ts'
import { SluiceError } from '../errors.ts'
import type { FileStat } from '../file-io/file-io.ts'
import { locationOfPath, pathOfLocation } from '../file-io/local-location.ts'
import { createTableReachability, type TableReachability } from './table-reachability.ts'

export interface OrphanRequest {
  readonly reader: ManifestReader
  readonly clock: Clock
  /** The tables below whose locations is looked. */
  readonly tables: readonly LoadedTable[]
  /** Further tables, whose files may lie there too; what they name is no orphan. */
  readonly neighbours?: readonly LoadedTable[]
  /**
   * Only files older than this: a commit that is just being made, by any engine, has files that
   * nothing names yet. At least `ORPHAN_AGE_MS_MIN`.
   */
  readonly olderThanMs: number
}

const DAY_MS = 86_400_000
/** As other engines have it: a long query that writes may run for hours before its commit. */
export const ORPHAN_AGE_MS_MIN = DAY_MS
export const ORPHAN_AGE_MS_DEFAULT = 3 * DAY_MS

const DELETES_AT_ONCE = 8

/**
 * Lists files below tables' locations that no snapshot, metadata log, statistics entry or pointer
 * names: what writers left behind that died before their commit. Reads every manifest of the
 * tables once. Deletes nothing.
 * @throws SluiceError `invalid-input` for an age under a day.
 */
export async function findOrphanFiles(request: OrphanRequest): Promise<readonly FileStat[]> {
  checkAge(request.olderThanMs)
  const { fileIO } = request.reader
  const isNamed = await namedLocations(request)
  const untilMs = nowMs(request.clock) - request.olderThanMs
  const orphans = new Map<string, FileStat>()
  for (const { metadata } of request.tables) {
    for await (const file of fileIO.list(`${metadata.location}/`)) {
      if (file.modifiedMs < untilMs && !isNamed(file.location)) orphans.set(file.location, file)
    }
  }
  return [...orphans.values()].sort((a, b) => (a.location < b.location ? -1 : 1))
}

/**
 * Finds orphans and deletes them.
 * @returns the files that were deleted
 * @throws SluiceError as `findOrphanFiles`.
 */
export async function removeOrphanFiles(request: OrphanRequest): Promise<readonly FileStat[]> {
  const orphans = await findOrphanFiles(request)
  const { fileIO } = request.reader
  await mapBounded(orphans, (file) => fileIO.delete(file.location), DELETES_AT_ONCE)
  return orphans
}

/** Whether any table names a location, in whatever form of the same path. */
async function namedLocations(request: OrphanRequest): Promise<(location: string) => boolean> {
  const all = [...request.tables, ...(request.neighbours ?? [])]
  const tables: TableReachability[] = []
  for (const table of all) {
    const reachability = createTableReachability(request.reader)
    await reachability.sync(table)
    tables.push(reachability)
  }
  const odd = new Set(tables.flatMap((table) => [...table.locations()].flatMap(oddForm)))
  return (location) => odd.has(location) || tables.some((table) => table.isReachable(location))
}

/** The listed form of a `file:` location that another engine wrote as `file:/…` or `file:////…`. */
function oddForm(location: string): string[] {
  if (!location.startsWith('file:')) return []
  const listed = locationOfPath(pathOfLocation(location.replace(/^file:\/*/, 'file:///')))
  return listed === location ? [] : [listed]
}

function checkAge(olderThanMs: number): void {
  if (olderThanMs >= ORPHAN_AGE_MS_MIN) return
  throw new SluiceError(
    'invalid-input',
    `Files older than ${olderThanMs} ms were asked for. No file was deleted: younger ones may ` +
      'belong to a commit that is just being made, by this process or by another engine. Ask ' +
      'for a day (1d) at least.',
  )
}
