import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import type { ServedCatalog } from '../../tables/catalog/served-catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { Engine, EngineLimits } from '../../tables/engine/engine.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import type { ManifestCache } from '../../tables/scan/manifest-cache.ts'
import type { LakeStores } from './lake-stores.ts'

/** The layout of a lake's folder. A lake of another one is refused with what to do. */
export const LAKE_LAYOUT_VERSION = 5

/** An open lake: its stores, its catalog and the engine that works on them. */
export interface Lake {
  /** Its kinds, formats, tables and views. */
  readonly model: LakeModel
  /** The lake's folder as a URI; bookkeeping files live below `<location>/_sluice/`. */
  readonly location: string
  /** The same as a path, undefined for a lake that lives in memory. */
  readonly directory: string | undefined
  readonly fileIO: FileIO
  readonly catalog: Catalog
  /** The catalog where it is the lake's own, which can be served; undefined for another's. */
  readonly servedCatalog: ServedCatalog | undefined
  /**
   * Where cuts are decided that the catalog cannot commit at one instant. It follows from where the
   * cuts table lies, so that every writer of the catalog finds the same place.
   */
  readonly journalFolder: string | undefined
  readonly engine: Engine
  /** For further engines on the lake, beside this one. */
  readonly engineLimits: EngineLimits
  /** A folder for the engine's files, memory-backed where the machine has one. */
  readonly scratchDir: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly manifestCache: ManifestCache
  /** Where its tables lie. */
  readonly stores: LakeStores
  /** Folders of this machine, beside the lake's own, where the engine finds files of tables. */
  readonly storeFolders: readonly string[]
  /** Until the answer is called, no copy of a remote file goes that is opened from now on. */
  readonly holdCopies: () => () => void
  close(): Promise<void>
}
