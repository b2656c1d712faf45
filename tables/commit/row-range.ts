import { sqlName, sqlString } from '../engine/sql-text.ts'
import { bindPredicates, type ColumnPredicate, type ColumnTest } from '../scan/column-predicate.ts'
import { isGroup } from '../scan/predicate-tree.ts'
import { fileMayMatch } from '../scan/prune-files.ts'
import { projectFilter } from '../scan/prune-partitions.ts'
import { SluiceError } from '../errors.ts'
import type { ContentFile } from '../spec/manifest.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import type { Schema } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, specById } from '../write/current-layout.ts'
import { literalSql } from '../write/literal-sql.ts'

/** Which rows of a table a change takes out. */
export interface RowRange {
  /** SQL over the table's columns. Rows for which it is true go, those of false or null stay. */
  readonly condition: string
  /**
   * Holds for every row of the condition: files are left out by it, and only foreign commits that
   * may touch it are conflicts. Empty: all files, and every foreign row.
   */
  readonly filter: readonly ColumnPredicate[]
}

/** The range of rows that pass every predicate. Throws `invalid-input` for an unknown column. */
export function rangeOfPredicates(
  table: TableMetadata,
  filter: readonly ColumnPredicate[],
): RowRange {
  const schema = currentSchema(table)
  const conditions = filter.map((predicate) => predicateSql(schema, predicate))
  return { condition: joined(conditions, 'AND', 'true'), filter }
}

/**
 * Whether a data file may hold rows of a range: what makes a foreign commit a conflict. Delete
 * files do not: rows that others took out of the range are gone either way.
 */
export function rangeTouches(
  table: TableMetadata,
  range: RowRange,
): (files: readonly ContentFile[]) => boolean {
  const predicates = bindPredicates(currentSchema(table), range.filter)
  const knownSpecs = new Set(table['partition-specs'].map((spec) => spec['spec-id']))
  return (files) =>
    files.some((file) => {
      if (file.content !== 'data') return false
      if (!knownSpecs.has(file.specId)) return true
      return fileMayMatch(file, predicates, projectFilter(specById(table, file.specId), predicates))
    })
}

function predicateSql(schema: Schema, predicate: ColumnPredicate): string {
  if (!isGroup(predicate)) return testSql(schema, predicate)
  const operands = predicate.operands.map((operand) => predicateSql(schema, operand))
  return predicate.op === 'and' ? joined(operands, 'AND', 'true') : joined(operands, 'OR', 'false')
}

function joined(conditions: readonly string[], word: 'AND' | 'OR', ofNone: string): string {
  return conditions.length === 0 ? ofNone : `(${conditions.join(` ${word} `)})`
}

function testSql(schema: Schema, test: ColumnTest): string {
  const field = findFieldByName(schema, test.column)
  if (field === undefined || !schema.fields.includes(field) || typeof field.type !== 'string') {
    throw new SluiceError(
      'invalid-input',
      `${test.column} is no column of one value at the top of the table. Nothing was changed. ` +
        'Say the range by such columns, or delete by an SQL condition.',
    )
  }
  const column = sqlName(field.name)
  const { type } = field
  switch (test.op) {
    case 'is-null':
      return `${column} IS NULL`
    case 'not-null':
      return `${column} IS NOT NULL`
    case 'starts-with':
      return `starts_with(${column}, ${sqlString(test.prefix)})`
    case 'not-starts-with':
      return `NOT starts_with(${column}, ${sqlString(test.prefix)})`
    case 'in':
    case 'not-in': {
      if (test.values.length === 0) return test.op === 'in' ? 'false' : `${column} IS NOT NULL`
      const values = test.values.map((value) => literalSql(type, value))
      return `${column} ${test.op === 'in' ? 'IN' : 'NOT IN'} (${values.join(', ')})`
    }
    default:
      return `${column} ${test.op} ${literalSql(type, test.value)}`
  }
}
