import { barsFinalizeSql, barsMergeSql, barsPartialSql } from '../../shared-transforms/bars.ts'
import type { Dialect } from '../../shared-transforms/dialect.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import {
  spreadsFinalizeSql,
  spreadsMergeSql,
  spreadsPartialSql,
} from '../../shared-transforms/spreads.ts'

/** A gold table as the loop keeps it: an algebra of window states over silver rows of one kind. */
export interface GoldTable {
  readonly name: string
  readonly kind: Kind
  /** Prefix of the engine tables that hold this table's tail. */
  readonly state: string
  readonly partialSql: (rows: string, dialect?: Dialect) => string
  readonly mergeSql: (states: string) => string
  readonly finalizeSql: (states: string) => string
}

export const goldTables: readonly GoldTable[] = [
  {
    name: 'gold.bars',
    kind: 'trade',
    state: 'bars',
    partialSql: barsPartialSql,
    mergeSql: barsMergeSql,
    finalizeSql: barsFinalizeSql,
  },
  {
    name: 'gold.spreads',
    kind: 'quote',
    state: 'spreads',
    partialSql: spreadsPartialSql,
    mergeSql: spreadsMergeSql,
    finalizeSql: spreadsFinalizeSql,
  },
]

/** The key of a window in every gold table. */
export const WINDOW_KEY = ['step', 'venue', 'venue_symbol', 'open_ts'] as const

/** The same as a list of columns. */
export const WINDOW_KEY_SQL = WINDOW_KEY.join(', ')
