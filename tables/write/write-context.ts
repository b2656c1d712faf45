import type { IdSource } from '../clock.ts'
import type { Session } from '../engine/engine.ts'
import type { FileIO } from '../file-io/file-io.ts'

/** What writing files needs: a session whose temp tables the query may name, a store, names. */
export interface WriteContext {
  readonly session: Session
  readonly fileIO: FileIO
  readonly ids: IdSource
  /** A local folder where files are made before the store takes them over. */
  readonly scratchDir: string
}
