import type { Session } from '../../tables/engine/engine.ts'

/** Rows of one table that a cut, or a run of cuts, added or changed. */
export interface SinkDelivery {
  /** The cut after which the table holds the rows. */
  readonly cutNumber: number
  /** Time of its commit, ms since 1970. */
  readonly committedMs: number
  /** Dotted name. */
  readonly table: string
  /** Where the rows are read. */
  readonly session: Session
  /** A query of the rows, in the order of the table's key: the same for each try at a delivery. */
  readonly query: string
}

/**
 * Where rows go beside the tables. Rows are given after their cut was committed, cut by cut, at
 * least once: after a crash the last delivery comes again, with the same cut number.
 */
export interface Sink {
  /**
   * Takes the rows over for good, or throws: then they are given again.
   * @throws SluiceError `storage-unavailable` where the place does not answer.
   */
  deliver(delivery: SinkDelivery): Promise<void>
  close(): Promise<void>
}
