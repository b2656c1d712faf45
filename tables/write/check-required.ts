import type { Session } from '../engine/engine.ts'
import { sqlName, sqlPath } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { IcebergType, Schema } from '../spec/schema.ts'
import type { LocalParquet } from './copy-to-parquet.ts'

/** A place where null is forbidden, and SQL that is true for a row that breaks it. */
interface NullRule {
  readonly name: string
  readonly brokenSql: string
}

/**
 * Refuses nulls in required columns: no reader checks them, and engines plan without them. Of
 * primitive columns the file's statistics say it; members of structs, elements and values, and
 * columns that are nested themselves are asked for in the file, where the schema has such.
 * Throws `invalid-input` naming the column.
 */
export async function checkRequired(
  session: Session,
  schema: Schema,
  file: LocalParquet,
): Promise<void> {
  for (const { name, required, type } of schema.fields) {
    if (!required || typeof type !== 'string') continue
    const nullCount = Number(file.statistics.get(sqlName(name))?.get('null_count') ?? 0)
    if (nullCount > 0) throw nullFound(name, nullCount)
  }
  const rules = nestedRules(schema)
  if (rules.length === 0) return
  const counts = rules.map(({ brokenSql }, index) => {
    return `count(*) FILTER (WHERE ${brokenSql}) AS broken${index}`
  })
  const [row] = await session.rows<Record<string, bigint>>(
    `SELECT ${counts.join(', ')} FROM read_parquet(${sqlPath(file.path)}, hive_partitioning = false)`,
  )
  for (const [index, { name }] of rules.entries()) {
    const nullCount = Number(row?.[`broken${index}`] ?? 0n)
    if (nullCount > 0) throw nullFound(name, nullCount)
  }
}

const rulesBySchema = new WeakMap<Schema, readonly NullRule[]>()

function nestedRules(schema: Schema): readonly NullRule[] {
  const known = rulesBySchema.get(schema)
  if (known !== undefined) return known
  const rules = schema.fields.flatMap(({ name, required, type }): readonly NullRule[] => {
    if (typeof type === 'string') return []
    const sql = sqlName(name)
    const own = required ? [{ name, brokenSql: `${sql} IS NULL` }] : []
    return [...own, ...rulesBelow(type, sql, name, 0)]
  })
  rulesBySchema.set(schema, rules)
  return rules
}

function rulesBelow(
  type: IcebergType,
  sql: string,
  name: string,
  depth: number,
): readonly NullRule[] {
  if (typeof type === 'string') return []
  switch (type.type) {
    case 'struct':
      return type.fields.flatMap((field) => {
        const member = `(${sql}).${sqlName(field.name)}`
        const memberName = `${name}.${field.name}`
        const brokenSql = `${sql} IS NOT NULL AND ${member} IS NULL`
        const own = field.required ? [{ name: memberName, brokenSql }] : []
        return [...own, ...rulesBelow(field.type, member, memberName, depth)]
      })
    case 'list':
      return partRules(sql, type.element, type['element-required'], `${name}.element`, depth)
    case 'map': {
      const keys = partRules(`map_keys(${sql})`, type.key, false, `${name}.key`, depth)
      const values = `map_values(${sql})`
      const required = type['value-required']
      return [...keys, ...partRules(values, type.value, required, `${name}.value`, depth)]
    }
  }
}

/** Rules of the parts of a list: broken where any part breaks one. */
function partRules(
  list: string,
  type: IcebergType,
  required: boolean,
  name: string,
  depth: number,
): readonly NullRule[] {
  const part = `part${depth}`
  const own = required ? [{ name, brokenSql: `${part} IS NULL` }] : []
  return [...own, ...rulesBelow(type, part, name, depth + 1)].map((rule) => ({
    name: rule.name,
    brokenSql: `len(list_filter(${list}, lambda ${part}: ${rule.brokenSql})) > 0`,
  }))
}

function nullFound(column: string, nullCount: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The required column ${column} is null in ${nullCount} rows. No file was kept and ` +
      'nothing became visible. Correct the query, or make the column optional.',
    { context: { column, nullCount } },
  )
}
