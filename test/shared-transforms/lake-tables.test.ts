import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { barsFinalizeSql, barsPartialSql } from '../../shared-transforms/bars.ts'
import { bronzeSql } from '../../shared-transforms/bronze.ts'
import { formats } from '../../shared-transforms/formats/formats.ts'
import { kinds } from '../../shared-transforms/kind.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { spreadsFinalizeSql, spreadsPartialSql } from '../../shared-transforms/spreads.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { decodedRows, deriveMessages, formatNamed } from './decode-messages.ts'
import { stockQuote, stockTrade } from './messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
  await deriveMessages(session, 'stock-json', [
    { payload: stockTrade({}) },
    { payload: stockQuote({}) },
  ])
  const klines = formatNamed('bitfinex-klines').decodeSql('kline', 'routed')
  await session.run(`CREATE TABLE decoded_kline AS ${klines}`)
})

afterAll(() => {
  session.close()
})

function table(name: string): TableDefinition {
  const found = allTables.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no table ${name}`)
  return found
}

/** Columns of a query, with Iceberg's names of their types. */
async function columnsOf(query: string): Promise<Map<string, string>> {
  const rows = await session.rows(`SELECT column_name, column_type FROM (DESCRIBE ${query})`)
  const types: Readonly<Record<string, string>> = {
    VARCHAR: 'string',
    INTEGER: 'int',
    BIGINT: 'long',
    BOOLEAN: 'boolean',
    DOUBLE: 'double',
    'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  }
  return new Map(
    rows.map((row) => {
      const type = String(row['column_type'])
      const decimal = type.replace(/^DECIMAL\((\d+),(\d+)\)$/, 'decimal($1, $2)')
      return [String(row['column_name']), types[type] ?? decimal]
    }),
  )
}

describe('the tables of a lake', () => {
  it.each(allTables.map((definition) => [definition.name, definition] as const))(
    '%s has field ids from 1, a doc on each column, and names what it has',
    (_, definition) => {
      const names = definition.columns.map((column) => column.name)
      expect(definition.columns.map((column) => column.fieldId)).toEqual(
        names.map((_n, i) => i + 1),
      )
      expect(new Set(names).size).toBe(names.length)
      expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([])
      for (const { doc, isRequired } of definition.columns) {
        expect(doc).toMatch(/[.…]$/)
        if (!isRequired) expect(doc).toMatch(/null/)
      }
      const used = [
        ...definition.key,
        ...definition.sort,
        ...definition.partition.map(({ column }) => column),
      ]
      expect(used.filter((name) => !names.includes(name))).toEqual([])
    },
  )

  it('are named once each', () => {
    expect(new Set(allTables.map((one) => one.name)).size).toBe(allTables.length)
  })

  it.each([
    ...kinds.map((kind) => [
      `bronze.${kind}_messages`,
      bronzeSql(kind, { routed: 'routed', decoded: `decoded_${kind}` }),
      [] as string[],
    ]),
    ...kinds.map((kind) => [`silver.${kind}s`, `SELECT * FROM decoded_${kind}`, []]),
    ...kinds.map((kind) => ['silver.rejected_messages', `SELECT * FROM decoded_${kind}`, []]),
    [
      'gold.bars',
      barsFinalizeSql(`(${barsPartialSql('decoded_trade')})`),
      ['is_sealed', 'revision', 'known_cut', 'is_complete'],
    ],
    [
      'gold.spreads',
      spreadsFinalizeSql(`(${spreadsPartialSql('decoded_quote')})`),
      ['is_sealed', 'revision'],
    ],
  ] as [string, string, string[]][])('%s is what its step gives', async (name, query, others) => {
    const given = await columnsOf(query)
    for (const column of table(name).columns) {
      if (others.includes(column.name)) continue
      expect([column.name, given.get(column.name)]).toEqual([column.name, column.type])
    }
  })
})

describe('formats', () => {
  it('give the same columns for each kind', async () => {
    const columns = new Map<string, Set<string>>()
    for (const format of formats.values()) {
      await session.run('CREATE OR REPLACE TABLE nothing AS SELECT * FROM framed WHERE false')
      await session.run(
        `CREATE OR REPLACE TABLE routed_${kinds[0]} AS ${format.routeSql('nothing')}`,
      )
      for (const kind of format.kinds) {
        const given = await columnsOf(format.decodeSql(kind, `routed_${kinds[0]}`))
        const seen = columns.get(kind) ?? new Set<string>()
        columns.set(kind, seen.add(JSON.stringify([...given])))
      }
    }
    expect([...columns].map(([kind, variants]) => [kind, variants.size])).toEqual(
      kinds.map((kind) => [kind, 1]),
    )
  })

  it('show no detail on a good row', async () => {
    const [row] = await decodedRows(session, 'trade')
    expect(row).toMatchObject({ reason: null, detail: null })
  })
})
