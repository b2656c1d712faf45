import type { Catalog } from '../catalog/catalog.ts'
import type { Clock, IdSource } from '../clock.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { LadderRules } from '../maintain/ladder.ts'
import type { ManifestCache } from '../scan/manifest-cache.ts'

/**
 * Named points of a commit that can be awaited: a test kills the writer there, a log names them.
 * What a hook throws ends the commit as a crash at that point would.
 */
export interface CommitHooks {
  /** Data files are durable, nothing names them yet. */
  readonly dataFilesWritten?: () => Promise<void>
  /** Manifests and manifest lists of this attempt are durable. */
  readonly staged?: () => Promise<void>
  /** Right before the catalog is called. */
  readonly commitSent?: () => Promise<void>
  /** The catalog has committed; its answer is not used yet. */
  readonly commitLanded?: () => Promise<void>
  /** The journal of a cut is durable: the cut is decided, no table has it yet. */
  readonly journalWritten?: () => Promise<void>
  /** One more table of a journaled cut has its part. */
  readonly tableCommitted?: () => Promise<void>
}

/** What every commit works with. */
export interface CommitContext {
  readonly catalog: Catalog
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
  readonly manifestCache: ManifestCache
  readonly hooks?: CommitHooks
  /** Waits between tries; by default the timer's. */
  readonly sleep?: (waitMs: number) => Promise<void>
  /**
   * Where cuts are decided that the catalog cannot commit at one instant: a folder's location.
   * Needed only where the catalog's `atomicMultiTable` is false.
   */
  readonly journalFolder?: string
  /** Which snapshots are kept; by default `defaultLadder`. */
  readonly retention?: LadderRules
}
