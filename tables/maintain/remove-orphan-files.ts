import type { LoadedTable } from '../catalog/catalog.ts'
import { type Clock, nowMs } from '../clock.ts'
import { type ManifestReader, mapBounded } from '../commit/snapshot-manifests.ts'
import { SluiceError } from '../errors.ts'
import { createTableReachability } from './table-reachability.ts'

export interface OrphanRequest {
  readonly reader: ManifestReader
  readonly clock: Clock
  readonly table: LoadedTable
  /**
   * Only files older than this go: a commit that is just being made has files that nothing names
   * yet. At least an hour; engines that share the table may need days.
   */
  readonly olderThanMs: number
}

const OLDER_THAN_MS_MIN = 3_600_000
const DELETES_AT_ONCE = 8

/**
 * Deletes files below a table's location that no snapshot, metadata log or pointer names: what
 * writers left behind that died before their commit. Reads every manifest of the table once.
 * @returns the locations that were deleted
 * @throws SluiceError `invalid-input` for an age under an hour.
 */
export async function removeOrphanFiles(request: OrphanRequest): Promise<readonly string[]> {
  if (!(request.olderThanMs >= OLDER_THAN_MS_MIN)) {
    throw new SluiceError(
      'invalid-input',
      `Files older than ${request.olderThanMs} ms were asked to be removed. No file was deleted: ` +
        'younger ones may belong to a commit that is just being made. Ask for an hour at least.',
    )
  }
  const { fileIO } = request.reader
  const reachability = createTableReachability(request.reader)
  await reachability.sync(request.table)
  const untilMs = nowMs(request.clock) - request.olderThanMs
  const orphans: string[] = []
  for await (const file of fileIO.list(`${request.table.metadata.location}/`)) {
    if (file.modifiedMs >= untilMs || reachability.isReachable(file.location)) continue
    orphans.push(file.location)
  }
  await mapBounded(orphans, (location) => fileIO.delete(location), DELETES_AT_ONCE)
  return orphans
}
