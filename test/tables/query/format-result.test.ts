import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResultColumn } from '../../../tables/engine/engine.ts'
import type { RowValue } from '../../../tables/engine/row-value.ts'
import { parseJson } from '../../../tables/spec/json.ts'
import { formatResult } from '../../../tables/query/format-result.ts'
import type { ResultFormat } from '../../../tables/query/format-result.ts'
import { openWorkshop } from '../write/sample-table.ts'
import { openSampleLake } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

async function* stream(rows: readonly (readonly RowValue[])[]) {
  await Promise.resolve()
  yield* rows
}

const format = async (
  columns: readonly ResultColumn[],
  rows: readonly (readonly RowValue[])[],
  as: ResultFormat,
): Promise<string> => {
  let text = ''
  for await (const piece of formatResult({ columns, rows: stream(rows) }, as)) text += piece
  return text
}

const columns = [
  { name: 'id', type: 'BIGINT' },
  { name: 'price', type: 'DECIMAL(18,8)' },
  { name: 'text', type: 'VARCHAR' },
]

describe('a result as a table', () => {
  it('is a box with numbers to the right and the count below', async () => {
    const rows = [
      [1n, '1.50000000', 'a'],
      [9007199254740993n, '-0.25000000', null],
    ]
    expect(await format(columns, rows, 'table')).toBe(
      [
        '┌──────────────────┬─────────────┬──────┐',
        '│               id │       price │ text │',
        '├──────────────────┼─────────────┼──────┤',
        '│                1 │  1.50000000 │ a    │',
        '│ 9007199254740993 │ -0.25000000 │ NULL │',
        '└──────────────────┴─────────────┴──────┘',
        '2 rows',
        '',
      ].join('\n'),
    )
  })

  it('counts one row as one and none as none', async () => {
    expect(await format(columns, [[1n, '1', 'a']], 'table')).toMatch(/\n1 row\n$/)
    expect(await format(columns, [], 'table')).toMatch(/\n0 rows\n$/)
  })

  it('keeps its frame with wide characters, marks and values of several lines', async () => {
    const rows = [['日本'], ['e\u0301😀'], ['one\nthree'], ['\u001b[31mred']]
    const text = await format([{ name: 't', type: 'VARCHAR' }], rows, 'table')
    expect(text.split('\n').slice(3, 8)).toEqual([
      '│ 日本        │',
      '│ e\u0301😀         │',
      '│ one         │',
      '│ three       │',
      '│ \\x1b[31mred │',
    ])
  })
})

describe('a result as CSV', () => {
  it('can be read back by another reader, with null apart from an empty text', async () => {
    const rows = [
      [1n, '1.5', 'comma, "quote"\r\nand line'],
      [2n, null, ''],
    ]
    const text = await format(columns, rows, 'csv')
    expect(text).toBe('id,price,text\r\n1,1.5,"comma, ""quote""\r\nand line"\r\n2,,""\r\n')
  })

  it('is read back by another reader as it was', async () => {
    const shop = await openWorkshop()
    const texts = ['comma, "quote"\r\nand line', "it's", '', 'plain', ' blank ']
    const path = `${shop.scratchDir}/result.csv`
    const only = [{ name: 'a "name"', type: 'VARCHAR' }]
    await writeFile(
      path,
      await format(
        only,
        [...texts, null].map((text) => [text]),
        'csv',
      ),
    )
    const rows = await shop.session.rows<Record<string, string | null>>(
      `FROM read_csv('${path}', header = true, all_varchar = true, delim = ',', quote = '"',
         escape = '"', new_line = '\\r\\n', allow_quoted_nulls = false, null_padding = true)`,
    )
    expect(Object.keys(rows[0] ?? {})).toEqual(['a "name"'])
    expect(rows.map((row) => row['a "name"']).slice(0, 5)).toEqual(texts)
    await shop.close()
  })
})

describe('a result as JSON', () => {
  it('keeps large integers bare and decimals as text', async () => {
    const rows = [[9007199254740993n, '0.10000000', 'a"b']]
    const text = await format(columns, rows, 'json')
    expect(text).toBe('[\n{"id":9007199254740993,"price":"0.10000000","text":"a\\"b"}\n]\n')
    expect(parseJson(text)).toEqual([{ id: 9007199254740993n, price: '0.10000000', text: 'a"b' }])
  })

  it('is a list even without rows', async () => {
    expect(JSON.parse(await format(columns, [], 'json'))).toEqual([])
    expect(await format(columns, [], 'ndjson')).toBe('')
  })

  it('writes an object a line as NDJSON, nested values, bytes and what JSON has no number for', async () => {
    const values = [[1n, null], { a: { b: 2 } }, new Uint8Array([0, 255]), NaN, -Infinity, true]
    const types = values.map((_, index) => ({ name: `c${index}`, type: 'X' }))
    const text = await format(types, [values, values], 'ndjson')
    const line =
      '{"c0":[1,null],"c1":{"a":{"b":2}},"c2":"\\\\x00ff","c3":"NaN","c4":"-Infinity","c5":true}'
    expect(text).toBe(`${line}\n${line}\n`)
  })

  it('loses no column of two with one name', async () => {
    const twice = [
      { name: 'a', type: 'INTEGER' },
      { name: 'a', type: 'INTEGER' },
      { name: 'a_1', type: 'INTEGER' },
    ]
    expect(await format(twice, [[1, 2, 3]], 'ndjson')).toBe('{"a":1,"a_1":2,"a_1_1":3}\n')
  })
})

describe('values of a lake query', () => {
  let lake: SampleLake

  beforeAll(async () => {
    lake = await openSampleLake()
  })

  afterAll(async () => {
    await lake.close()
  })

  it.each([
    ["TIMESTAMPTZ '2024-08-08 01:02:03.000004+02'", '2024-08-07T23:02:03.000004Z'],
    ["TIMESTAMP '1969-12-31 23:59:59.5'", '1969-12-31T23:59:59.500000'],
    ["TIMESTAMPTZ '0001-01-01 00:00:00+00'", '0001-01-01T00:00:00.000000Z'],
    ["TIMESTAMPTZ 'infinity'", 'infinity'],
    ["TIMESTAMPTZ '-infinity'", '-infinity'],
    ["[TIMESTAMPTZ '2024-02-29 00:00:00+00']", ['2024-02-29T00:00:00.000000Z']],
    ["{'t': TIMESTAMPTZ '2024-02-29 00:00:00+00'}", { t: '2024-02-29T00:00:00.000000Z' }],
    ["DATE '2024-02-29'", '2024-02-29'],
    ['9007199254740993', 9007199254740993n],
    ['0.10::DECIMAL(38,16)', '0.1000000000000000'],
    ['1.5::DOUBLE', 1.5],
  ])('are exact: %s', async (sql, expected) => {
    const [row] = await lake.rows(`SELECT ${sql} AS value`)
    expect(row?.value).toEqual(expected)
  })

  it('come with the types of the columns, in order', async () => {
    const result = await lake.lakeQuery.query('SELECT close, open_ts FROM gold.bars')
    await result.close()
    expect(result.columns).toEqual([
      expect.objectContaining({ name: 'close', type: 'DECIMAL(18,8)' }),
      expect.objectContaining({ name: 'open_ts', type: 'TIMESTAMP WITH TIME ZONE' }),
    ])
  })

  it('stop early without harm where the reader breaks off', async () => {
    const result = await lake.lakeQuery.query('FROM range(1000000)')
    for await (const row of result.rows) {
      expect(row).toEqual([0n])
      break
    }
    expect(await lake.rows('SELECT 1 AS a')).toEqual([{ a: 1 }])
  })
})
