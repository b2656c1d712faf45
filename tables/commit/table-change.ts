import type { ContentFile, DataFile, DeletionVector, PositionDelete } from '../spec/manifest.ts'
import type { SnapshotOperation } from '../spec/snapshot.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'

/**
 * What one commit does to one table. `replace` changes no row: readers that follow changes skip
 * it, and so does the check of what foreign commits touched.
 */
export interface TableChange {
  readonly identifier: TableIdentifier
  readonly operation: SnapshotOperation
  readonly addDataFiles: readonly DataFile[]
  /** Those of `addDataFiles` that are the tail: they get a manifest of their own. */
  readonly tailPaths?: ReadonlySet<string>
  /** Deletion vectors on tables of format version 3, else position deletes. */
  readonly addDeletes: readonly (PositionDelete | DeletionVector)[]
  /** Live data files that go. */
  readonly removePaths: readonly string[]
  /** Live delete files that go, by `contentKey`. */
  readonly removeDeletePaths: readonly string[]
  /** Live data files that `addDeletes` name. */
  readonly mustBeLive: readonly string[]
  /**
   * The snapshot that the change was derived from, null for a table without one; absent: the head
   * at the first attempt.
   */
  readonly baseSnapshotId?: bigint | null
  /**
   * Whether files that foreign commits added or removed since the base make the change wrong.
   * Absent: they never do, as for a plain append.
   */
  readonly isTouchedByForeign?: (files: readonly ContentFile[]) => boolean
}

/** Why a change does not fit on the table any more. */
export interface ChangeConflict {
  /** Dotted names of the tables where the change does not fit. */
  readonly tables: readonly string[]
  /** Files that the change removes or deletes from and that are gone, or lost rows meanwhile. */
  readonly missingPaths: readonly string[]
}

/** True where the change does nothing. */
export function isEmptyChange(change: TableChange): boolean {
  return (
    change.addDataFiles.length === 0 &&
    change.addDeletes.length === 0 &&
    change.removePaths.length === 0 &&
    change.removeDeletePaths.length === 0
  )
}
