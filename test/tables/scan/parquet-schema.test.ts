import { readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sqlString } from '../../../tables/engine/sql-text.ts'
import { readParquetSchema } from '../../../tables/scan/parquet-schema.ts'
import type { ParquetColumn } from '../../../tables/scan/parquet-schema.ts'
import { goldenPath } from '../../support/golden.ts'
import { openWorkshop } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'

const nested = `SELECT 1::INT AS a, {'x': 1, 'y': {'z': 'p'}} AS s, [{'q': 1::INT}] AS l,
  MAP {'k': [[1]]} AS m, uuid() AS u, 'b'::BLOB AS raw, 1.5::DECIMAL(30, 2) AS d`
const nestedIds = `{a: 1, s: {__duckdb_field_id: 2, x: 3, y: {__duckdb_field_id: 4, z: 5}},
  l: {__duckdb_field_id: 6, element: {__duckdb_field_id: 7, q: 8}},
  m: {__duckdb_field_id: 9, key: 10, value: {__duckdb_field_id: 11,
    element: {__duckdb_field_id: 12, element: 13}}}, u: 14, raw: 15}`

interface Fact {
  readonly name: string
  readonly field_id: bigint | null
}

/** Names and ids, depth first, without the groups that lists and maps are made of. */
function factsOf(columns: readonly ParquetColumn[]): readonly Fact[] {
  return columns.flatMap(({ name, fieldId, children }) => [
    { name, field_id: fieldId === undefined ? null : BigInt(fieldId) },
    ...factsOf(children),
  ])
}

describe('the columns of a Parquet file', () => {
  let shop: Workshop
  let folder: string
  let path: string

  beforeAll(async () => {
    shop = await openWorkshop()
    folder = await mkdtemp(join(tmpdir(), 'sluice-parquet-'))
    path = join(folder, 'nested.parquet')
    await shop.session.run(
      `COPY (${nested}) TO ${sqlString(path)} (FORMAT parquet, FIELD_IDS ${nestedIds})`,
    )
  })

  afterAll(async () => {
    await shop.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('are those that the engine sees, in files of several engines', async () => {
    const root = goldenPath('icebird-tables')
    const golden = readdirSync(root, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => join(root, name))
    expect(golden.length).toBeGreaterThan(8)
    for (const file of [...golden, path]) {
      const rows = await shop.session.rows<Fact & { repetition_type: string }>(
        `SELECT name, field_id, repetition_type FROM parquet_schema(${sqlString(file)})`,
      )
      const [, ...columns] = rows.filter((row) => row.repetition_type !== 'REPEATED')
      const facts = factsOf(await readParquetSchema(file, file))
      expect(facts).toEqual(columns.map(({ name, field_id }) => ({ name, field_id })))
    }
  })

  it('have their kind, and say what their bytes mean', async () => {
    const columns = await readParquetSchema(path, path)
    expect(columns.map(({ name, kind, meaning }) => [name, kind, meaning])).toEqual([
      ['a', 'primitive', 'other'],
      ['s', 'struct', undefined],
      ['l', 'list', undefined],
      ['m', 'map', undefined],
      ['u', 'primitive', 'uuid'],
      ['raw', 'primitive', undefined],
      ['d', 'primitive', 'other'],
    ])
    const [key, value] = columns[3]?.children ?? []
    expect([key?.meaning, value?.kind, value?.children[0]?.kind]).toEqual(['text', 'list', 'list'])
  })

  it('are refused with the file named, or read, where a byte of the footer is wrong', async () => {
    const bytes = await readFile(path)
    const footerStart = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
    const broken = join(folder, 'broken.parquet')
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: footerStart, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const copy = Buffer.from(bytes)
          copy[at] = (copy[at] ?? 0) ^ change
          await writeFile(broken, copy)
          try {
            await readParquetSchema(broken, 'file:///t/data/d.parquet')
          } catch (error) {
            const context = { file: 'file:///t/data/d.parquet' }
            expect(error).toMatchObject({ kind: 'corrupt-data', context })
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each([0, 3, 8, 11, 200])('are refused where the file ends after %i bytes', async (length) => {
    const broken = join(folder, 'short.parquet')
    await writeFile(broken, (await readFile(path)).subarray(0, length))
    await expect(readParquetSchema(broken, 'file:///d')).rejects.toMatchObject({
      kind: 'corrupt-data',
    })
  })

  it('are found in a footer that is longer than one read', async () => {
    const wide = join(folder, 'wide.parquet')
    const names = Array.from({ length: 1500 }, (_, index) => `column_with_a_long_name_${index}`)
    await shop.session.run(
      `COPY (SELECT ${names.map((name) => `1 AS ${name}`).join(', ')}) TO ${sqlString(wide)} (FORMAT parquet)`,
    )
    expect((await readParquetSchema(wide, wide)).map(({ name }) => name)).toEqual(names)
  })
})
