import type { Session, TypedColumn } from '../engine/engine.ts'
import { sqlName, sqlString } from '../engine/sql-text.ts'
import type { ValueType } from '../engine/value-type.ts'
import { SluiceError } from '../errors.ts'
import { parseTree } from './parse-statement.ts'
import { canonicalText } from './rewrite-statement.ts'
import { uniqueNames } from './unique-names.ts'

/**
 * Writes the rows of a SELECT into a new Parquet file and answers their count. Types are those of
 * `arrowTypeOf`: whole numbers beyond 64 bits, which the engine would write as doubles, become
 * decimal(38, 0), and what has no type in Parquet its text.
 * @throws SluiceError `unsupported` for EXPLAIN, and for a type that is not held exactly.
 */
export async function copyToParquet(session: Session, sql: string, path: string): Promise<number> {
  const source = `(\n${await withoutSemicolons(session, sql)}\n)`
  const columns = await columnsOf(session, source)
  const names = uniqueNames(columns, { isCaseIgnored: true })
  const aliases = columns.map((_, index) => `c${index}`)
  const items = columns.map((column, index) => {
    return `CAST(r.c${index} AS ${parquetType(column)}) AS ${sqlName(names[index] ?? '')}`
  })
  const [row] = await session.rows<{ readonly Count: bigint }>(
    `COPY (SELECT ${items.join(', ')} FROM ${source} AS r(${aliases.join(', ')})) ` +
      `TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  return Number(row?.Count ?? 0n)
}

async function columnsOf(session: Session, source: string): Promise<readonly TypedColumn[]> {
  const { columns, close } = await session.stream(`SELECT * FROM ${source} LIMIT 0`)
  await close()
  return columns
}

/** The engine's type as which a column is written. */
function parquetType({ name, type, valueType }: TypedColumn): string {
  return castType(valueType, name) ?? type
}

/** Undefined where the type stands for itself. */
function castType(type: ValueType, column: string): string | undefined {
  switch (type.kind) {
    case 'huge-int':
      return 'DECIMAL(38,0)'
    case 'text':
      return 'VARCHAR'
    case 'null':
      return 'INTEGER'
    case 'list':
      return `${sqlType(type.element, column)}[]`
    case 'map':
      return `MAP(${sqlType(type.key, column)}, ${sqlType(type.value, column)})`
    case 'struct': {
      const fields = type.fields.map(
        (each) => `${sqlName(each.name)} ${sqlType(each.type, column)}`,
      )
      return `STRUCT(${fields.join(', ')})`
    }
    case 'opaque':
      throw new SluiceError(
        'unsupported',
        `The column ${column} holds ${type.name}, which has no type in Parquet here. Nothing was ` +
          'written. CAST it to VARCHAR, or name the members of the struct.',
        { context: { column } },
      )
    default:
      return undefined
  }
}

const leafTypes = {
  boolean: 'BOOLEAN',
  float: 'FLOAT',
  double: 'DOUBLE',
  bytes: 'BLOB',
  date: 'DATE',
  time: 'TIME',
} as const

const intTypes = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INTEGER', 64: 'BIGINT' } as const

/** The whole type as SQL text, for members of lists, maps and structs. */
function sqlType(type: ValueType, column: string): string {
  switch (type.kind) {
    case 'boolean':
    case 'float':
    case 'double':
    case 'bytes':
    case 'date':
    case 'time':
      return leafTypes[type.kind]
    case 'int':
      return `${type.isSigned ? '' : 'U'}${intTypes[type.bits]}`
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`
    case 'timestamp':
      if (type.unit === 'ns') return 'TIMESTAMP_NS'
      return type.hasZone ? 'TIMESTAMPTZ' : 'TIMESTAMP'
    default:
      return castType(type, column) ?? 'VARCHAR'
  }
}

/** More would take longer to look at than the statement to run; the engine then says what is wrong. */
const SEMICOLON_COUNT_MAX = 100

/**
 * A statement may end with semicolons, and comments after them; within parentheses it may not.
 * Whether one ends the statement, or stands in a text, a name or a comment, is the parser's to say:
 * a text that parses to the same tree without it did not need it.
 */
async function withoutSemicolons(session: Session, sql: string): Promise<string> {
  const tree = await parseTree(session, sql)
  if (tree === undefined) {
    throw new SluiceError(
      'unsupported',
      'EXPLAIN answers a text for a person, which is no table. Nothing was written. Take ' +
        '--format table.',
    )
  }
  const wanted = canonicalText(tree)
  let text = sql
  let at = text.lastIndexOf(';')
  for (let count = 0; at >= 0 && count < SEMICOLON_COUNT_MAX; count += 1) {
    const shorter = `${text.slice(0, at)} ${text.slice(at + 1)}`
    const same = await parseTree(session, shorter)
    if (same !== undefined && canonicalText(same) === wanted) text = shorter
    at = at === 0 ? -1 : text.lastIndexOf(';', at - 1)
  }
  return text
}
