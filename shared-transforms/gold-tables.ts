import {
  barsCompleteSql,
  barsFinalizeSql,
  barsMergeSql,
  barsPartialSql,
  klineBarsPartialSql,
} from './bars.ts'
import type { Dialect } from './dialect.ts'
import type { Kind } from './kind.ts'
import { spreadsFinalizeSql, spreadsMergeSql, spreadsPartialSql } from './spreads.ts'

/** What a gold table takes from silver: states of windows over rows of one kind. */
export interface GoldInput {
  readonly kind: Kind
  readonly partialSql: (rows: string, dialect?: Dialect) => string
}

/** A gold table as the loop keeps it: an algebra of window states over silver. */
export interface GoldTable {
  readonly name: string
  /** Goes up with every change that can change a row; absent: its steps have versions of their own. */
  readonly version?: number
  /** The kinds that it is made of; a kind goes into one gold table. */
  readonly inputs: readonly GoldInput[]
  /** Prefix of the engine tables that hold this table's tail. */
  readonly state: string
  /** The column by which states outrank each other, where they do: see `WindowAlgebra`. */
  readonly rank?: string
  readonly mergeSql: (states: string) => string
  readonly finalizeSql: (states: string) => string
  /** Windows with `is_complete`, by the open rows of silver.gaps. */
  readonly judgeSql: (windows: string, gaps: string) => string
  /** Missing rows of silver can be told for it: `is_complete` is not always true. */
  readonly isJudged: boolean
  /** Rows of the table as windows: with what rows of older layouts do not say. */
  readonly heldSql: (rows: string) => string
  /** The table that keeps every version of a sealed window; absent: nobody does. */
  readonly revisions?: string
}

export const goldTables: readonly GoldTable[] = [
  {
    name: 'gold.bars',
    inputs: [
      { kind: 'trade', partialSql: barsPartialSql },
      { kind: 'kline', partialSql: klineBarsPartialSql },
    ],
    state: 'bars',
    rank: 'bar_source',
    mergeSql: barsMergeSql,
    finalizeSql: barsFinalizeSql,
    judgeSql: barsCompleteSql,
    isJudged: true,
    heldSql: (rows) =>
      `(SELECT * REPLACE (coalesce(bar_source, 'trades') AS bar_source, ` +
      `coalesce(is_complete, true) AS is_complete) FROM ${rows})`,
    revisions: 'gold.bar_revisions',
  },
  {
    name: 'gold.spreads',
    inputs: [{ kind: 'quote', partialSql: spreadsPartialSql }],
    state: 'spreads',
    mergeSql: spreadsMergeSql,
    finalizeSql: spreadsFinalizeSql,
    judgeSql: (windows) => `SELECT *, true AS is_complete FROM ${windows}`,
    isJudged: false,
    heldSql: (rows) => rows,
  },
]

/** Whether a gold table is made of rows of the kind. */
export function isMadeOf({ inputs }: GoldTable, kind: Kind): boolean {
  return inputs.some((input) => input.kind === kind)
}

/**
 * A query of the states that silver's rows give, one a window.
 * @param rows relations of some or all of the kinds that the table is made of
 */
export function derivedStatesSql(gold: GoldTable, rows: ReadonlyMap<Kind, string>): string {
  const states = gold.inputs.flatMap(({ kind, partialSql }) => {
    const relation = rows.get(kind)
    return relation === undefined ? [] : [partialSql(relation)]
  })
  const all = states.map((sql) => `SELECT * FROM (${sql})`).join(' UNION ALL BY NAME ')
  return states.length === 1 ? all : gold.mergeSql(`(${all})`)
}

/** The key of a window in every gold table. */
export const WINDOW_KEY = ['step', 'venue', 'venue_symbol', 'open_ts'] as const

/** The same as a list of columns. */
export const WINDOW_KEY_SQL = WINDOW_KEY.join(', ')

/** What the loop knows of a window beside its state, as a select list over rows of the lake. */
export function heldColumnsSql({ revisions, isJudged }: GoldTable): string {
  const knownCut = revisions === undefined ? 'NULL::BIGINT AS known_cut' : 'known_cut'
  const isComplete = isJudged ? 'is_complete' : 'true AS is_complete'
  return `revision, is_sealed, revision > 0 AS is_repaired, ${knownCut}, ${isComplete}`
}
