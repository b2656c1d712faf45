import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../../../tables/engine/engine.ts'
import type { Engine, Session } from '../../../tables/engine/engine.ts'
import { toExactValue } from '../../../tables/engine/result-value.ts'
import { sqlString } from '../../../tables/engine/sql-text.ts'
import { copyToParquet } from '../../../tables/query/copy-to-parquet.ts'
import { formatArrow } from '../../../tables/query/format-arrow.ts'
import type { ArrowForm } from '../../../tables/query/format-arrow.ts'
import { runPython } from '../../support/pyiceberg.ts'

let folder: string
let engine: Engine
let session: Session
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-columnar-'))
  engine = await createEngine({ scratchDir: join(folder, 'scratch') })
  session = await engine.connect()
})
afterAll(async () => {
  session.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

async function writeArrow(sql: string, form: ArrowForm, name: string): Promise<string> {
  const path = join(folder, name)
  const { columns, blocks, close } = await session.stream(sql, toExactValue)
  async function* rows() {
    for await (const block of blocks) yield* block
  }
  try {
    await pipeline(formatArrow({ columns, rows: rows() }, form), createWriteStream(path))
  } finally {
    await close()
  }
  return path
}

interface Read {
  readonly schema: readonly (readonly [string, string])[]
  readonly rows: readonly (readonly unknown[])[]
}

/** The statement's rows, as PyArrow reads them from each of the three forms. */
async function readBack(sql: string, name: string): Promise<readonly Read[]> {
  const stream = await writeArrow(sql, 'stream', `${name}.arrows`)
  const file = await writeArrow(sql, 'file', `${name}.arrow`)
  const parquet = join(folder, `${name}.parquet`)
  await copyToParquet(session, sql, parquet)
  return readFiles([`stream:${stream}`, `file:${file}`, `parquet:${parquet}`])
}

async function readFiles(files: readonly string[]): Promise<readonly Read[]> {
  const { stdout } = await runPython('test/tables/query/read-columnar.py', files)
  const lines = stdout.trim().split('\n')
  return files.map((_, index) => ({
    schema: JSON.parse(lines[2 * index] ?? '') as Read['schema'],
    rows: JSON.parse(lines[2 * index + 1] ?? '') as Read['rows'],
  }))
}

/** A type, how its values are drawn, written in SQL, and shown by the reader. */
interface Case<T> {
  readonly type: string
  readonly arrow: string
  readonly draw: fc.Arbitrary<T>
  readonly sql: (value: T) => string
  readonly shown: (value: T) => unknown
}

function caseOf<T>(each: Case<T>): Case<unknown> {
  return each as unknown as Case<unknown>
}

const digits38 = 10n ** 38n - 1n
const wide = fc.bigInt({ min: -digits38, max: digits38 })
/** From the year 1 to 9999, and the edges of the epoch. */
const instants = fc.oneof(
  fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }),
  fc.constantFrom(-1n, 0n, 1n, -1_000_001n),
)
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const doubles = fc.double()
const texts = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))
const bits = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}
const doubleSql = (value: number): string =>
  Object.is(value, -0) ? "'-0.0'::DOUBLE" : `'${String(value).replace('Infinity', 'inf')}'::DOUBLE`
const scaled = (unscaled: bigint): string => {
  const text = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(9, '0')
  return `${unscaled < 0n ? '-' : ''}${text.slice(0, -8)}.${text.slice(-8)}`
}
const quoted = (value: bigint): string => `'${value}'`

const cases: Readonly<Record<string, Case<unknown>>> = {
  decimal_38: caseOf({
    ...{ type: 'DECIMAL(38,0)', arrow: 'decimal128(38, 0)', draw: wide },
    ...{ sql: quoted, shown: String },
  }),
  decimal_38_8: caseOf({
    ...{ type: 'DECIMAL(38,8)', arrow: 'decimal128(38, 8)', draw: wide },
    ...{ sql: (value: bigint) => `'${scaled(value)}'`, shown: scaled },
  }),
  huge: caseOf({
    ...{ type: 'HUGEINT', arrow: 'decimal128(38, 0)', draw: wide },
    ...{ sql: quoted, shown: String },
  }),
  at: caseOf({
    ...{ type: 'TIMESTAMPTZ', arrow: 'timestamp[us, tz=UTC]', draw: instants },
    ...{ sql: (us: bigint) => `make_timestamptz(${us})`, shown: String },
  }),
  at_local: caseOf({
    ...{ type: 'TIMESTAMP', arrow: 'timestamp[us]', draw: instants },
    ...{ sql: (us: bigint) => `make_timestamp(${us})`, shown: String },
  }),
  at_ns: caseOf({
    ...{ type: 'TIMESTAMP_NS', arrow: 'timestamp[ns]' },
    draw: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
    ...{ sql: (ns: bigint) => `make_timestamp_ns(${ns})`, shown: String },
  }),
  day: caseOf({
    ...{ type: 'DATE', arrow: 'date32[day]' },
    draw: fc.integer({ min: -800_000, max: 3_000_000 }),
    ...{ sql: (days: number) => `DATE '1970-01-01' + (${days})::INTEGER`, shown: String },
  }),
  clock: caseOf({
    ...{ type: 'TIME', arrow: 'time64[us]' },
    draw: fc.bigInt({ min: 0n, max: 86_399_999_999n }),
    sql: (us: bigint) => `make_timestamp(${us})::TIME`,
    shown: String,
  }),
  int64: caseOf({
    ...{ type: 'BIGINT', arrow: 'int64', draw: int64, sql: quoted, shown: String },
  }),
  uint64: caseOf({
    ...{ type: 'UBIGINT', arrow: 'uint64', draw: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
    ...{ sql: quoted, shown: String },
  }),
  int8: caseOf({
    ...{ type: 'TINYINT', arrow: 'int8', draw: fc.integer({ min: -128, max: 127 }) },
    ...{ sql: (value: number) => `'${value}'`, shown: String },
  }),
  number: caseOf({
    ...{ type: 'DOUBLE', arrow: 'double', draw: doubles, sql: doubleSql, shown: bits },
  }),
  flag: caseOf({
    ...{ type: 'BOOLEAN', arrow: 'bool', draw: fc.boolean() },
    ...{ sql: String, shown: (value: boolean) => value },
  }),
  text: caseOf({
    ...{ type: 'VARCHAR', arrow: 'string', draw: texts },
    ...{ sql: sqlString, shown: (value: string) => value },
  }),
  bytes: caseOf({
    ...{ type: 'BLOB', arrow: 'binary', draw: fc.uint8Array() },
    sql: (value: Uint8Array) => `unhex('${Buffer.from(value).toString('hex')}')`,
    shown: (value: Uint8Array) => Buffer.from(value).toString('hex'),
  }),
  list: caseOf({
    ...{ type: 'HUGEINT[]', arrow: 'list<item: decimal128(38, 0)>' },
    draw: fc.array(fc.option(wide), { maxLength: 4 }),
    sql: (list: readonly (bigint | null)[]) =>
      `[${list.map((item) => (item === null ? 'NULL' : `'${item}'::HUGEINT`)).join(', ')}]`,
    shown: (list: readonly (bigint | null)[]) =>
      list.map((item) => (item === null ? null : String(item))),
  }),
  record: caseOf({
    ...{ type: 'STRUCT(a TIMESTAMPTZ, "b c" VARCHAR)' },
    arrow: 'struct<a: timestamp[us, tz=UTC], b c: string>',
    draw: fc.record({ a: fc.constant(null), b: fc.option(texts) }),
    sql: ({ b }: { readonly b: string | null }) =>
      `{'a': NULL, 'b c': ${b === null ? 'NULL' : sqlString(b)}}`,
    shown: ({ b }: { readonly b: string | null }) => ({ a: null, 'b c': b }),
  }),
  pairs: caseOf({
    ...{ type: 'MAP(VARCHAR, BIGINT)', arrow: 'map<string, int64>' },
    draw: fc.uniqueArray(fc.tuple(texts, int64), { selector: ([key]) => key, maxLength: 3 }),
    sql: (pairs: readonly (readonly [string, bigint])[]) =>
      `MAP {${pairs.map(([key, value]) => `${sqlString(key)}: '${value}'::BIGINT`).join(', ')}}`,
    shown: (pairs: readonly (readonly [string, bigint])[]) =>
      pairs.map(([key, value]) => [key, String(value)]),
  }),
}

const entries = Object.entries(cases)

/** Nulls are a fifth of the values. */
const row = fc.tuple(...entries.map(([, { draw }]) => fc.option(draw, { freq: 5 })))

function rowsSql(rows: readonly (readonly unknown[])[]): string {
  const items = rows.map((values, at) => {
    const written = values.map((value, index) => {
      const [name, each] = entries[index] ?? fail()
      const text = value === null ? 'NULL' : each.sql(value)
      return `CAST(${text} AS ${each.type}) AS ${name}`
    })
    return `SELECT ${at} AS at_row, ${written.join(', ')}`
  })
  return `SELECT * EXCLUDE (at_row) FROM (${items.join(' UNION ALL ')}) ORDER BY at_row`
}

function fail(): never {
  throw new Error('no such column')
}

describe('a result as Arrow and as Parquet', () => {
  it('holds every drawn value exactly, as PyArrow reads it', async () => {
    const rows = fc.sample(row, { numRuns: 150, seed: 20_261_121 })
    const wanted = rows.map((values) =>
      values.map((value, index) =>
        value === null ? null : (entries[index] ?? fail())[1].shown(value),
      ),
    )
    const [stream, file, parquet] = await readBack(rowsSql(rows), 'drawn')
    expect(stream?.schema).toEqual(entries.map(([name, { arrow }]) => [name, arrow]))
    expect(file?.schema).toEqual(stream?.schema)
    expect(stream?.rows).toEqual(wanted)
    expect(file?.rows).toEqual(wanted)
    expect(parquet?.rows).toEqual(wanted)
    const logical = (read: Read | undefined) =>
      read?.schema.map(([name, type]) => [
        name,
        type.replaceAll(/(item|element): | \('\w+'\)/g, ''),
      ])
    expect(logical(parquet)).toEqual(logical(stream))
  })

  it('has its columns where it has no row, and keeps two of one name apart', async () => {
    for (const read of await readBack('SELECT 1 AS a, 2 AS a WHERE false;', 'empty')) {
      expect(read).toEqual({
        schema: [
          ['a', 'int32'],
          ['a_1', 'int32'],
        ],
        rows: [],
      })
    }
  })

  it('keeps rows in their order over many batches', async () => {
    const sql = 'SELECT i FROM range(40000) r(i) ORDER BY i DESC -- last ;'
    for (const { rows } of await readBack(sql, 'long')) {
      expect(rows).toHaveLength(40_000)
      expect(rows.every(([i], index) => i === String(39_999 - index))).toBe(true)
    }
  })

  it('takes what the engine has a text for as that text', async () => {
    const sql = `SELECT INTERVAL 3 DAY AS i, '10:00:00+02'::TIMETZ AS t, 'b'::ENUM('a', 'b') AS e,
      '550e8400-e29b-41d4-a716-446655440000'::UUID AS u, '101'::BIT AS b`
    for (const { schema, rows } of await readBack(sql, 'texts')) {
      expect(new Set(schema.map(([, type]) => type))).toEqual(new Set(['string']))
      expect(rows).toEqual([
        ['3 days', '10:00:00+02', 'b', '550e8400-e29b-41d4-a716-446655440000', '101'],
      ])
    }
  })

  it.each([
    'DESCRIBE SELECT 1 AS a',
    'SUMMARIZE SELECT 1 AS a; /* ; */',
    "VALUES (';')",
    'FROM range(2);;',
  ])('is written by the engine itself from %s', async (sql) => {
    const path = join(folder, 'forms.parquet')
    const rows = await session.rows(sql)
    expect(await copyToParquet(session, sql, path)).toBe(rows.length)
  })

  it.each([
    ['SELECT union_value(a := 1) AS u', /The column u holds UNION/],
    ['SELECT row(1, 2) AS r', /The column r holds STRUCT/],
  ])('refuses what has no type of its own: %s', async (sql, message) => {
    const refused = { kind: 'unsupported', message: expect.stringMatching(message) as string }
    await expect(writeArrow(sql, 'stream', 'refused')).rejects.toMatchObject(refused)
    const path = join(folder, 'refused.parquet')
    await expect(copyToParquet(session, sql, path)).rejects.toMatchObject(refused)
  })

  it('refuses numbers of 39 digits and EXPLAIN instead of writing them wrong', async () => {
    const sql = "SELECT '100000000000000000000000000000000000000'::HUGEINT AS h"
    await expect(writeArrow(sql, 'stream', 'refused')).rejects.toThrow(/more than 38 digits/)
    const path = join(folder, 'refused.parquet')
    await expect(copyToParquet(session, sql, path)).rejects.toThrow(/DECIMAL\(38,0\)/)
    await expect(copyToParquet(session, 'EXPLAIN SELECT 1', path)).rejects.toThrow(/EXPLAIN/)
  })
})
