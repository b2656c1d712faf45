import type { CommitHooks } from '../../tables/commit/commit-context.ts'

/**
 * Named points of a writer's work on one cut, those of its commit among them. What a hook throws
 * ends the work as a crash at that point would.
 */
export interface LoopHooks extends CommitHooks {
  /** The messages of the cut are known; nothing is derived of them yet. */
  readonly batchFetched?: () => Promise<void>
  /** The engine holds the derived rows, none of which is in a file of the lake yet. */
  readonly rowsDerived?: () => Promise<void>
}
