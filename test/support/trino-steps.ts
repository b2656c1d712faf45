import { sqlLiteral } from '../../shared-transforms/sql-literal.ts'
import { duckdbDialect, trinoDialect, type Dialect } from '../../shared-transforms/dialect.ts'
import type { SqlSession } from '../shared-transforms/sql-session.ts'
import { TRINO_CATALOG, type TestTrino } from './trino.ts'

/** Where a suite's tables lie in Trino. */
export const STEPS_SCHEMA = `${TRINO_CATALOG}.steps`

const MAX_STATEMENT = 900_000
/** Rows of a difference that are told. */
const SHOWN = 3

/** Two engines with the same tables: what one step makes in both is compared row by row. */
export interface StepEngines {
  /** Copies a table of DuckDB into Trino, under its name. */
  copy(table: string): Promise<void>
  /** Makes a table in both by the SQL that the dialect gives; names are those of the tables. */
  create(
    table: string,
    sql: (dialect: Dialect, name: (table: string) => string) => string,
  ): Promise<void>
  /** Rows of a table in both that the other has not, each as one text. */
  differences(table: string, columns?: readonly string[]): Promise<Differences>
}

export interface Differences {
  readonly count: number
  readonly onlyDuckDb: readonly string[]
  readonly onlyTrino: readonly string[]
}

interface Column {
  readonly name: string
  readonly type: string
}

export function createStepEngines(session: SqlSession, trino: TestTrino): StepEngines {
  const inDuckDb = (table: string): string => table
  const inTrino = (table: string): string => `${STEPS_SCHEMA}.${table}`
  const columnsOf = async (table: string): Promise<Column[]> => {
    const rows = await session.rows(`DESCRIBE ${table}`)
    return rows.map((row) => ({
      name: String(row['column_name']),
      type: String(row['column_type']),
    }))
  }
  return {
    copy: async (table) => {
      const columns = await columnsOf(table)
      const texts = columns.map((column) => `${hexOf(column)} AS ${column.name}`)
      const rows = await session.rows(`SELECT ${texts.join(', ')} FROM ${table}`)
      const values = rows.map(
        (row) => `(${columns.map(({ name }) => literalOf(row[name])).join(', ')})`,
      )
      const casts = columns.map((column) => `${fromHexOf(column)} AS ${column.name}`).join(', ')
      const names = columns.map(({ name }) => name).join(', ')
      const nulls = `(${columns.map(() => 'CAST(NULL AS varchar)').join(', ')})`
      const select = (part: readonly string[]): string =>
        `SELECT ${casts} FROM (VALUES ${[nulls, ...part].join(', ')}) AS v(${names}) ` +
        `WHERE ${columns[0]?.name ?? ''} IS NOT NULL`
      await trino.run(`DROP TABLE IF EXISTS ${inTrino(table)}`)
      await trino.run(`CREATE TABLE ${inTrino(table)} AS ${select([])}`)
      for (const part of partsOf(values)) {
        await trino.run(`INSERT INTO ${inTrino(table)} ${select(part)}`)
      }
    },
    create: async (table, sql) => {
      await session.run(`CREATE OR REPLACE TABLE ${table} AS ${sql(duckdbDialect, inDuckDb)}`)
      await trino.run(`DROP TABLE IF EXISTS ${inTrino(table)}`)
      await trino.run(
        `CREATE TABLE ${inTrino(table)} AS WITH instruments AS ` +
          `(SELECT * FROM ${inTrino('instruments')}) SELECT * FROM (${sql(trinoDialect, inTrino)})`,
      )
    },
    differences: async (table, chosen) => {
      const all = await columnsOf(table)
      const columns = all.filter(({ name }) => chosen === undefined || chosen.includes(name))
      const select = (expression: (column: Column) => string): string =>
        columns.map((column) => `${expression(column)} AS ${column.name}`).join(', ')
      const inHex = await session.rows(`SELECT ${select(hexOf)} FROM ${table}`)
      const ours = inHex.map((row) =>
        JSON.stringify(columns.map((column) => comparable(textOfHex(row[column.name]), column))),
      )
      const texts = select((column) => textOf(column, trinoDialect))
      const theirs = (await trino.query(`SELECT ${texts} FROM ${inTrino(table)}`)).map((row) =>
        JSON.stringify(columns.map((column) => comparable(row[column.name], column))),
      )
      return {
        count: ours.length,
        onlyDuckDb: without(ours, theirs).slice(0, SHOWN),
        onlyTrino: without(theirs, ours).slice(0, SHOWN),
      }
    },
  }
}

function textOf({ name, type }: Column, dialect: Dialect): string {
  if (type === 'VARCHAR') return name
  const value = type.startsWith('TIMESTAMP') ? dialect.epochUs(name) : name
  return `CAST(${value} AS VARCHAR)`
}

/** Bytes as hex: the DuckDB client takes a byte order mark for no part of a text. */
function hexOf(column: Column): string {
  return `hex(encode(${textOf(column, duckdbDialect)}))`
}

function textOfHex(hex: unknown): string | null {
  return typeof hex === 'string' ? Buffer.from(hex, 'hex').toString('utf8') : null
}

/** Doubles are compared at 12 digits, all else exactly. */
function comparable(value: unknown, { type }: Column): unknown {
  if (value === null || value === undefined) return null
  return type === 'DOUBLE' ? Number(value).toPrecision(12) : value
}

function fromHexOf({ name, type }: Column): string {
  const text = `from_utf8(from_hex(${name}))`
  if (type.startsWith('TIMESTAMP')) return trinoDialect.timestampOfUs(`CAST(${text} AS bigint)`)
  return `CAST(${text} AS ${type})`
}

function literalOf(value: unknown): string {
  return typeof value === 'string' ? sqlLiteral(value) : 'NULL'
}

function partsOf(values: readonly string[]): string[][] {
  const parts: string[][] = []
  let size = MAX_STATEMENT
  for (const value of values) {
    size += value.length + 2
    if (size > MAX_STATEMENT) {
      parts.push([])
      size = value.length
    }
    parts.at(-1)?.push(value)
  }
  return parts
}

/** What is left of a list without another one, each entry taken as often as it is there. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const text of other) counts.set(text, (counts.get(text) ?? 0) + 1)
  return list.filter((text) => {
    const count = counts.get(text) ?? 0
    counts.set(text, count - 1)
    return count <= 0
  })
}
