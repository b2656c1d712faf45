import { spreads } from '../../gold/spreads.ts'
import type { ColumnDefinition, TableDefinition } from '../../tables/spec/table-definition.ts'
import type { Dialect } from '../dialect.ts'
import { duckdbDialect } from '../dialect.ts'
import type { GoldTable } from '../gold-tables.ts'
import { timeOrderKeySql } from '../order-key.ts'
import { quotientSql } from '../quotient.ts'
import { mergeStatesSql, partialStatesSql, type WindowAlgebra } from '../window-step.ts'
import type { DeclaredGold } from './lake-extension.ts'

const firstNames = ['step', 'venue', 'venue_symbol', 'instrument_id', 'open_ts', 'close_ts']
const lastNames = ['is_sealed', 'revision']

/** The declared columns come last, as in silver. */
export function goldDefinitionOf({ name, doc, columns }: DeclaredGold): TableDefinition {
  const common = spreads.columns.filter((column) =>
    [...firstNames, ...lastNames].includes(column.name),
  )
  const own = columns.map(({ name, type, doc, isOptional, role = 'content' }): ColumnDefinition => {
    return { fieldId: 0, name, type, doc, role, isRequired: isOptional !== true }
  })
  return {
    ...{ name, doc, key: spreads.key, partition: spreads.partition, sort: spreads.sort },
    columns: [...common, ...own].map((column, index) => ({ ...column, fieldId: index + 1 })),
  }
}

/** How the loop keeps its windows. */
export function goldTableOf(declared: DeclaredGold): GoldTable {
  const { name, kind, version = 1 } = declared
  return {
    ...{ name, version },
    inputs: [
      {
        kind,
        partialSql: (rows, dialect = duckdbDialect) =>
          partialStatesSql(algebra(declared, dialect), rows, dialect),
      },
    ],
    state: name.slice('gold.'.length),
    mergeSql: (states) => mergeStatesSql(algebra(declared, duckdbDialect), states),
    finalizeSql: (states) => finalizeSql(declared, states),
    judgeSql: (windows) => `SELECT *, true AS is_complete FROM ${windows}`,
    isJudged: false,
    heldSql: (rows) => rows,
  }
}

function algebra({ kind, columns }: DeclaredGold, dialect: Dialect): WindowAlgebra {
  const aggregates = (pick: 'partial' | 'merge') =>
    columns.flatMap((column) => {
      const sql = column[pick]
      return sql === undefined ? [] : [[column.name, sql] as const]
    })
  return {
    rowsSql: (rows) =>
      `SELECT *, ${dialect.epochUs('event_ts')} AS us, ${timeOrderKeySql(kind, dialect)} ` +
      `AS order_key FROM ${rows} AS r`,
    partial: aggregates('partial'),
    merge: aggregates('merge'),
  }
}

function finalizeSql({ columns }: DeclaredGold, states: string): string {
  const quotients = columns.flatMap(({ name, quotient }) =>
    quotient === undefined ? [] : [`${quotientSql(...quotient, duckdbDialect)} AS ${name}`],
  )
  return `SELECT ${['s.*', ...quotients].join(', ')} FROM ${states} AS s`
}
