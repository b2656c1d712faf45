import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import type { IcebergType, SchemaField, StructType } from '../../../tables/spec/schema.ts'
import { sampleTable } from '../write/sample-table.ts'
import { openSampleLake } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

function struct(...members: readonly [id: number, name: string, type: IcebergType][]): StructType {
  const fields: SchemaField[] = members.map(([id, name, type]) => {
    return { id, name, required: false, type }
  })
  return { type: 'struct', fields }
}

const columns: Readonly<Record<string, IcebergType>> = {
  id: 'long',
  // As the other table of a join is called, and as a column of its own.
  spreads: struct(
    [10, 'a', 'int'],
    [11, 'deep', struct([12, 'Text', 'string'], [13, 'id', 'long'])],
  ),
  parts: {
    type: 'list',
    'element-id': 20,
    'element-required': false,
    element: struct([21, 'a', 'int']),
  },
}

const numbers = fc.integer({ min: -9, max: 9 }).map(String)
const texts = fc.constantFrom('a', 'ab', 'b', 'c').map((text) => `'${text}'`)
const orNull = (cell: fc.Arbitrary<string>) => fc.option(cell, { nil: 'NULL', freq: 4 })
const deep = fc
  .tuple(orNull(texts), orNull(numbers))
  .map(([text, id]) => `{'Text': ${text}, 'id': ${id}}`)
const whole = fc
  .tuple(orNull(numbers), orNull(deep))
  .map(([a, inner]) => `{'a': ${a}, 'deep': ${inner}}`)
const row = fc
  .tuple(numbers, orNull(whole), orNull(numbers))
  .map(([id, member, part]) => `(${id}, ${member}, [{'a': ${part}}])`)

/** Members as statements may name them, in any case and with the table's names before. */
const numberPath = fc.constantFrom(
  ...['spreads.a', 'bars.spreads.a', 'gold.bars.SPREADS.A', 'spreads.deep.id'],
  ...['bars.spreads.deep.id', '"spreads"."deep"."ID"', 'id', 'bars.id'],
)
const textPath = fc.constantFrom('spreads.deep.text', 'bars.spreads.deep."Text"')
const test = fc.oneof(
  fc
    .tuple(numberPath, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), numbers)
    .map((words) => words.join(' ')),
  fc.tuple(numberPath, numbers, numbers).map(([path, a, b]) => `${path} IN (${a}, ${b})`),
  fc.tuple(numberPath, numbers, numbers).map(([path, a, b]) => `${path} BETWEEN ${a} AND ${b}`),
  fc.tuple(textPath, texts).map(([path, text]) => `${path} = ${text}`),
  fc.tuple(textPath, fc.constantFrom('a%', 'c%')).map(([path, like]) => `${path} LIKE '${like}'`),
  fc
    .tuple(fc.oneof(numberPath, textPath), fc.constantFrom('IS NULL', 'IS NOT NULL'))
    .map((words) => words.join(' ')),
  numbers.map((n) => `parts[1].a > ${n}`),
)
const condition = fc.oneof(
  test,
  test.map((one) => `NOT (${one})`),
  fc.tuple(test, fc.constantFrom('AND', 'OR'), test).map((words) => `(${words.join(' ')})`),
)

describe('a WHERE that names members of structs', () => {
  let lake: SampleLake

  beforeAll(async () => {
    lake = await openSampleLake()
    const table = lake.tables.get('gold.bars')
    const spreads = lake.tables.get('gold.spreads')
    if (table === undefined || spreads === undefined) throw new Error('the tables are due')
    table.metadata = sampleTable({ location: `${lake.shop.location}/members`, columns })
    const other = sampleTable({ location: `${lake.shop.location}/other`, columns: { a: 'int' } })
    spreads.metadata = other
    await spreads.append('SELECT unnest(range(-9, 10))::INT AS a')
    const sets = fc.sample(fc.array(row, { minLength: 1, maxLength: 3 }), {
      numRuns: 24,
      seed: 20_261_121,
    })
    for (const set of sets) {
      await table.append(`FROM (VALUES ${set.join(', ')}) AS t(id, spreads, parts)`)
    }
  })

  afterAll(() => lake.close())

  const run = async (sql: string): Promise<{ files: number; rows: readonly string[] }> => {
    const opened = new Set<string>()
    const { fileIO } = lake.shop
    const localPath = (location: string) => {
      opened.add(location)
      return fileIO.localPath(location)
    }
    const { catalog, engine } = lake
    const result = await createLakeQuery({
      ...{ catalog, engine },
      fileIO: { ...fileIO, localPath },
    }).query(sql)
    const rows: string[] = []
    for await (const one of result.rows) {
      rows.push(JSON.stringify(one, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)))
    }
    return { files: opened.size, rows: rows.sort() }
  }

  it('gives the rows that it gives over every file, and leaves files out', async () => {
    const { files: fileCount } = await run('FROM gold.bars')
    let prunedCount = 0
    await fc.assert(
      fc.asyncProperty(condition, async (where) => {
        const pruned = await run(`SELECT * FROM gold.bars WHERE ${where}`)
        const unnamed = where.replaceAll(/\b(gold\.)?bars\./g, '')
        const full = await run(`SELECT * FROM (FROM gold.bars) WHERE ${unnamed}`)
        expect(full.files).toBe(fileCount)
        expect(pruned.rows).toEqual(full.rows)
        if (pruned.files < fileCount) prunedCount += 1
      }),
      { numRuns: 40 },
    )
    expect(prunedCount).toBeGreaterThan(15)
  })

  it.each([
    ['FROM gold.bars WHERE spreads.a > 100', true],
    ["FROM gold.bars b WHERE b.spreads.deep.text = 'zz'", true],
    ['SELECT * FROM gold.bars b JOIN gold.spreads s ON true WHERE b.spreads.a > 100', true],
    // A null struct has null members, and not every writer counts them.
    ['FROM gold.bars WHERE spreads.a IS NULL AND spreads.a > 100', true],
    // Here it is a column of the other table.
    ['SELECT * FROM gold.bars JOIN gold.spreads ON true WHERE spreads.a > 100', false],
    // A list has bounds of none of its rows.
    ['FROM gold.bars WHERE parts[1].a > 100', false],
    ["FROM gold.bars WHERE struct_extract(spreads, 'a') > 100", false],
  ])('%s leaves all files of the table out: %s', async (sql, isPruned) => {
    const other = sql.includes('JOIN') ? 1 : 0
    const { files, rows } = await run(sql)
    expect(rows).toEqual([])
    expect(files - other === 0).toBe(isPruned)
  })
})
