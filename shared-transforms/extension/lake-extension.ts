import type { PrimitiveType } from '../../tables/spec/schema.ts'
import type { ViewDefinition } from '../../tables/spec/view-definition.ts'
import type { Format } from '../formats/format.ts'
import type { TimeUnit } from '../formats/mapping.ts'
import type { Kind } from '../kind.ts'
import type { RejectReason } from '../reject-reason.ts'

/**
 * What a file of somebody else's adds to a lake: kinds of messages, formats that carry them, and
 * gold that is made of them. It is plain data with SQL as text, so such a file needs no import;
 * it exports it as `extension`.
 */
export interface LakeExtension {
  /** Small letters, digits and hyphens: the lake remembers it. */
  readonly name: string
  readonly kinds?: readonly DeclaredKind[]
  /** Declared by columns, or a `Format` with SQL of its own. */
  readonly formats?: readonly (DeclaredFormat | Format)[]
  readonly gold?: readonly DeclaredGold[]
  readonly views?: readonly ViewDefinition[]
}

/**
 * What a column of silver holds: `price` decimal(18, 8) > 0, `quantity` decimal(28, 8) >= 0, `rate`
 * decimal(18, 8) of either sign, all below 1e9 or 1e15; `count` a whole number; `text` up to 128
 * characters of one line.
 */
export const columnContents = ['price', 'quantity', 'rate', 'count', 'text'] as const
export type ColumnContent = (typeof columnContents)[number]

export interface DeclaredColumn {
  readonly name: string
  readonly holds: ColumnContent
  /** What it means, with its unit, and what null says. */
  readonly doc: string
  /** May be null; else a row without it is refused as `missing-field`. */
  readonly isOptional?: boolean
}

/**
 * A kind of messages. It gives `bronze.<name>_messages` and `silver.<name>s`, whose first and last
 * columns are those of every kind. Columns that are added later belong at the end.
 */
export interface DeclaredKind {
  /** Singular, snake_case: `funding_rate`. */
  readonly name: Kind
  /** `One row is …` */
  readonly doc: string
  /** At least one of them holds a price, a quantity or a rate. */
  readonly columns: readonly DeclaredColumn[]
  /**
   * What tells rows of a symbol apart: `id`, the venue's own, which the format gives as `<name>_id`;
   * or `time`, where a symbol has one row an event time.
   */
  readonly identity: 'id' | 'time'
  /** Of silver, by event time; default `day`. */
  readonly partition?: 'day' | 'month'
  /** A condition on a row's columns, in the SQL that DuckDB and Trino share, which refuses it. */
  readonly impossible?: { readonly reason: RejectReason; readonly sql: string }
}

/**
 * A format whose messages are lines, each a JSON object (`ndjson`) or a record of CSV without line
 * ends in its cells.
 */
export interface DeclaredFormat {
  readonly name: string
  /** Goes up with every change that can change a row, from 1. */
  readonly version: number
  readonly kind: Kind
  readonly file: 'ndjson' | 'csv'
  /**
   * Column of silver to key of the object (`a.b` goes down into one) or name in `header`; `event_ts`
   * is the time. `venue`, `venue_symbol` and `event_ts` are needed, here or as constants.
   */
  readonly columns: Readonly<Record<string, string>>
  /** Column of silver to the text that all rows have. */
  readonly constants?: Readonly<Record<string, string>>
  readonly time: { readonly unit: TimeUnit; readonly zone?: string }
  /** Of `csv`: the cells' names in their order; a line that says just them is ignored. */
  readonly header?: readonly string[]
  /** Of `csv`: one ASCII character, default a comma. */
  readonly delimiter?: string
}

/**
 * A column of windows. An aggregate over silver's rows and one that merges states, which must be
 * associative, commutative and exact; or a quotient of two such columns, 8 decimals.
 */
export interface DeclaredGoldColumn {
  readonly name: string
  readonly type: PrimitiveType
  readonly doc: string
  readonly isOptional?: boolean
  /** `lineage` for what only orders or merges, as keys do. */
  readonly role?: 'content' | 'lineage'
  /** Over silver's columns, and `order_key`, a text that compares as the rows' order. */
  readonly partial?: string
  readonly merge?: string
  readonly quotient?: readonly [numerator: string, denominator: string]
}

/** A gold table: rows of one kind over 1m, 5m, 1h and 1d in UTC. */
export interface DeclaredGold {
  /** `gold.<name>` */
  readonly name: string
  readonly doc: string
  readonly kind: Kind
  /** Goes up with every change that can change a row; default 1. */
  readonly version?: number
  readonly columns: readonly DeclaredGoldColumn[]
}

export function isWholeFormat(format: DeclaredFormat | Format): format is Format {
  return 'decodeSql' in format
}
