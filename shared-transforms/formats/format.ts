import type { Dialect } from '../dialect.ts'
import type { Kind } from '../kind.ts'

/**
 * How ids of a kind behave: `contiguous` numbers without a gap, `increasing` numbers with gaps,
 * `opaque` texts, or `none`. Only contiguous ids can prove that nothing is missing.
 */
export type IdKind = 'contiguous' | 'increasing' | 'opaque' | 'none'

/** How a source's bytes are written. Its SQL is total: every message comes out of it. */
export interface Format {
  readonly name: string
  /** Goes up with every change that can change a row. */
  readonly version: number
  /** The first one takes what cannot be routed. */
  readonly kinds: readonly [Kind, ...Kind[]]
  readonly idKind: (kind: Kind) => IdKind
  /** The venue sends no event time, so the receive time stands in for it. */
  readonly isEventTimeReceived: (kind: Kind) => boolean
  /**
   * From the framed relation to the framed columns with `format`, `kind` and `is_ignored`. The
   * dialect is DuckDB's, unless another is given; the rows are the same in each.
   */
  readonly routeSql: (framed: string, dialect?: Dialect) => string
  /**
   * From the routed relation to one or more rows (`source_row` 0, 1, …) for each message of the
   * kind that is not ignored: the framed columns, `format`, `kind`, `source_row`, `reason` (null:
   * the row is good), `detail`, and the content columns of the kind's silver table. Reads the
   * relation `instruments(venue, venue_symbol, instrument_id)`, which must exist.
   */
  readonly decodeSql: (kind: Kind, routed: string, dialect?: Dialect) => string
}
