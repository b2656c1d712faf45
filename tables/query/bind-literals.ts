import { columnType } from '../engine/column-type.ts'
import type { Session } from '../engine/engine.ts'
import type { ColumnPredicate, PredicateValue } from '../scan/plan-scan.ts'
import type { Schema, SchemaField } from '../spec/schema.ts'
import { expressionText } from './expression-text.ts'
import type { LiteralPredicate } from './find-predicates.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/**
 * Predicates with their literals as values of the columns' types, computed by the engine itself.
 * A literal that the column's type does not hold exactly, or that the engine would compare as
 * another type (doubles, numbers with texts), gives no predicate: pruning is never a guess.
 */
export async function bindLiterals(
  session: Session,
  schema: Schema,
  predicates: readonly LiteralPredicate[],
): Promise<readonly ColumnPredicate[]> {
  const bound: ColumnPredicate[] = []
  for (const predicate of predicates) {
    const field = fieldOf(schema, predicate.column)
    if (field === undefined) continue
    const values: PredicateValue[] = []
    for (const literal of predicate.literals) {
      const value = await literalValue(session, field, literal)
      if (value !== undefined) values.push(value)
    }
    const [value] = values
    if (value === undefined || values.length !== predicate.literals.length) continue
    if (predicate.op === 'in') bound.push({ column: field.name, op: 'in', values })
    else bound.push({ column: field.name, op: predicate.op, value })
  }
  return bound
}

/** SQL names have no case; a table with two columns that differ in case only gets no predicate. */
function fieldOf(schema: Schema, name: string): SchemaField | undefined {
  const found = schema.fields.filter((field) => field.name.toLowerCase() === name.toLowerCase())
  return found.length === 1 ? found[0] : undefined
}

async function literalValue(
  session: Session,
  field: SchemaField,
  literal: SyntaxNode,
): Promise<PredicateValue | undefined> {
  if (!prunableTypes.has(baseType(field))) return undefined
  const text = await expressionText(session, literal)
  const type = columnType(field.type)
  const [row] = await session.rows<{
    value: PredicateValue | null
    kind: string
    is_exact: boolean | null
  }>(
    `SELECT TRY_CAST((${text}) AS ${type}) AS value, typeof(${text}) AS kind, ` +
      `TRY_CAST((${text}) AS ${type}) = (${text}) AS is_exact`,
  )
  if (row === undefined || row.value === null || row.is_exact !== true) return undefined
  return isComparedAsColumn(field, row.kind, literal) ? row.value : undefined
}

const prunableTypes: ReadonlySet<string> = new Set([
  'int',
  'long',
  'decimal',
  'date',
  'timestamp',
  'timestamptz',
  'string',
  'boolean',
])

function baseType(field: SchemaField): string {
  return typeof field.type === 'string' ? field.type.replace(/\(.*$/, '') : field.type.type
}

function isComparedAsColumn(field: SchemaField, kind: string, literal: SyntaxNode): boolean {
  const type = baseType(field)
  const isText = kind === 'VARCHAR'
  if (type === 'string') return isText
  // A bare text takes the column's type; one that was cast to VARCHAR does not.
  if (isText) return literal.class === 'CONSTANT'
  const isNumber = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\))$/.test(kind)
  if (type === 'int' || type === 'long' || type === 'decimal') return isNumber
  if (type === 'boolean') return kind === 'BOOLEAN'
  return /^(DATE|TIMESTAMP( WITH TIME ZONE)?)$/.test(kind)
}
