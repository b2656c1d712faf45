import type { CutFigures } from './cut-figures.ts'

/** What one cut took in and put out. Counts always add up (design of sluice.cuts). */
export interface CutCounts {
  /** messages = decoded + ignored + rejected */
  readonly messageCount: number
  readonly decodedCount: number
  readonly ignoredCount: number
  readonly rejectedCount: number
  /** rows = silver + duplicates + refused */
  readonly rowCount: number
  readonly silverCount: number
  readonly duplicateCount: number
  readonly refusedCount: number
  readonly lateCount: number
}

/** Where the time of one cut went, in milliseconds of wall clock. */
export interface CutTimings {
  readonly derive: number
  readonly write: number
  readonly commit: number
  readonly total: number
}

export interface CutReceipt extends CutCounts {
  readonly cutNumber: number
  readonly committedUs: bigint
  /**
   * Duplicates that are none: rows of a source that does not count on their day, and may later, as
   * those of files that take it over and are not read to their end.
   */
  readonly uncountedCount: number
  /** Undefined until the first good row of every part that counts. */
  readonly watermarkUs: bigint | undefined
  /** Rows added to each table by its dotted name; gold counts the windows touched. */
  readonly rowsByTable: Readonly<Record<string, number>>
  /**
   * Up to 21 evenly spaced quantiles of the messages' receive times (µs): committedUs minus each
   * is a sample of the freshness. Empty where the receive time is unknown.
   */
  readonly receivedUsQuantiles: readonly bigint[]
  readonly timings: CutTimings
  /** Absent where nothing was read of them, as of a cut whose rows Trino made. */
  readonly figures?: CutFigures
}
