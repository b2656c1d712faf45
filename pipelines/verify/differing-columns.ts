import { sqlName } from '../../tables/engine/sql-text.ts'
import type { ColumnDefinition } from '../../tables/spec/table-definition.ts'

/** How far two doubles may lie apart, relative to the larger one. */
const DOUBLE_TOLERANCE = 1e-12

/**
 * The names of the columns in which two rows differ, as a text with commas; empty where they are
 * equal. Null equals null, decimals are compared exactly, doubles to twelve digits.
 */
export function differingColumnsSql(
  columns: readonly ColumnDefinition[],
  left: string,
  right: string,
): string {
  const tests = columns.map(({ name, type }) => {
    const [a, b] = [`${left}.${sqlName(name)}`, `${right}.${sqlName(name)}`]
    const isOther =
      type === 'double'
        ? `(${a} IS NULL) <> (${b} IS NULL) OR coalesce(abs(${a} - ${b}) > ` +
          `${DOUBLE_TOLERANCE} * greatest(abs(${a}), abs(${b})), false)`
        : `${a} IS DISTINCT FROM ${b}`
    return `CASE WHEN ${isOther} THEN '${name}' END`
  })
  return `concat_ws(', ', ${tests.join(', ')})`
}
