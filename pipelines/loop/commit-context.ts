import type { CommitContext } from '../../tables/commit/commit-context.ts'
import type { LoopOptions } from './loop-context.ts'

/** What commits of a loop work with. */
export function commitContext({ lake, hooks, sleep, retention }: LoopOptions): CommitContext {
  return {
    catalog: lake.catalog,
    fileIO: lake.fileIO,
    clock: lake.clock,
    ids: lake.ids,
    manifestCache: lake.manifestCache,
    ...(lake.journalFolder === undefined ? {} : { journalFolder: lake.journalFolder }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(sleep === undefined ? {} : { sleep }),
    ...(retention === undefined ? {} : { retention }),
  }
}
