import type { Dialect } from './dialect.ts'
import type { Kind } from './kind.ts'

/**
 * The one order of the rows of a window, as a text that compares like the order: event time, the
 * venue's running number, its id; the position in the source only where there is no id, so that
 * open and close do not hang on the way by which a row came in.
 */
export function orderKeySql(kind: Kind, dialect: Dialect): string {
  return keySql(kind, `coalesce(lpad(CAST(${kind}_seq AS VARCHAR), 20, '0'), '')`, dialect)
}

/** The same for a kind whose venues run no numbers. */
export function timeOrderKeySql(kind: Kind, dialect: Dialect): string {
  return keySql(kind, `''`, dialect)
}

function keySql(kind: Kind, sequence: string, dialect: Dialect): string {
  const position =
    `source || ':' || lpad(CAST(source_partition AS VARCHAR), 10, '0') || ':' || ` +
    `lpad(CAST(source_offset AS VARCHAR), 20, '0') || ':' || ` +
    `lpad(CAST(source_row AS VARCHAR), 10, '0')`
  return (
    `lpad(CAST(${dialect.epochUs('event_ts')} AS VARCHAR), 16, '0') || ':' || ` +
    `${sequence} || ':' || ` +
    `CASE WHEN ${kind}_id IS NOT NULL THEN ${kind}_id ELSE ${position} END`
  )
}
