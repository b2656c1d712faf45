import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import type { DeleteQueue } from '../../tables/maintain/delete-queue.ts'
import { lakeCommitContext, readFence } from './lake-commit-context.ts'
import { createLakeDeleteQueue } from './lake-delete-queue.ts'
import type { Lake } from './lake.ts'
import type { LakeSecrets } from './lake-secrets.ts'
import { withWritableLake } from './with-writable-lake.ts'

export interface MaintainedLakeOptions {
  readonly directory: string
  /** For those whom the lock turns away: `sluice maintain`. */
  readonly purpose: string
  readonly clock: Clock
  readonly ids: IdSource
  /** As `openLake` takes it. */
  readonly model?: LakeModel | undefined
  /** For a lake whose tables another REST catalog keeps. */
  readonly secrets?: LakeSecrets | undefined
  /** As `openLake` takes it. */
  readonly engine?: EngineLimits | undefined
}

/** A lake that only this process writes to, and that takes commits which are no cuts. */
export interface MaintainedLake {
  readonly lake: Lake
  readonly fence: () => number
  /** What a commit made unreachable is deleted once no query can use it any more. */
  noteCommit(commit: {
    readonly tables: ReadonlyMap<string, LoadedTable>
    readonly abandonedPaths: readonly string[]
  }): Promise<void>
}

/**
 * Locks and opens a lake that is there, and at the end records the files that commits left behind
 * and deletes those whose time has come.
 * @throws SluiceError `invalid-input` where there is no lake, and as `withWritableLake`.
 */
export async function withMaintainedLake<T>(
  options: MaintainedLakeOptions,
  use: (maintained: MaintainedLake) => Promise<T>,
): Promise<T> {
  return withWritableLake({ ...options, createIfMissing: false }, ({ lake }) => {
    // Until the lake is closed.
    lake.holdCopies()
    return maintainOpenLake(lake, use)
  })
}

/** The same for a lake that is open, and that nobody else writes to. */
export async function maintainOpenLake<T>(
  lake: Lake,
  use: (maintained: MaintainedLake) => Promise<T>,
): Promise<T> {
  // The files of a cut that is decided and not finished yet would pass for orphans.
  await rollForward(lakeCommitContext(lake))
  const queue = createLakeDeleteQueue(lake)
  await queue.start()
  const fence = await readFence(lake)
  const result = await use({ lake, fence, noteCommit: noteInto(queue, fence) })
  await queue.flush()
  await queue.deleteDue()
  return result
}

function noteInto(queue: DeleteQueue, fence: () => number): MaintainedLake['noteCommit'] {
  return async ({ tables, abandonedPaths }) => {
    if (tables.size === 0) return
    await queue.noteCommit({ cutNumber: fence(), tables: tables.values(), abandonedPaths })
  }
}
