import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import type { ColumnPredicate, ScanPlan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { openWorkshop, sampleTable } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growTable } from './growing-table.ts'

describe('a pruned scan', () => {
  let shop: Workshop
  let tableCount = 0

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const location = (): string => `${shop.location}/t${(tableCount += 1)}`

  const plan = (metadata: TableMetadata, filter: readonly ColumnPredicate[] = []) =>
    planScan({ fileIO: shop.fileIO, metadata, filter })

  const read = async <T>(planned: ScanPlan, tail = ''): Promise<T[]> =>
    shop.session.rows<T>(`SELECT * FROM (${await scanSql(planned, shop.fileIO)}) ${tail}`)

  describe('with any rows and any filter', () => {
    const columns = {
      n: 'long',
      ts: 'timestamptz',
      s: 'string',
      d: 'decimal(9, 2)',
      f: 'double',
      b: 'boolean',
      on_day: 'date',
    } as const
    const micros = fc.bigInt({ min: -3n, max: 3n }).map((hours) => hours * 7_200_000_000n)
    const cents = fc.integer({ min: -300, max: 300 })
    const decimalText = (value: number): string => (value / 100).toFixed(2)
    const row = fc.record({
      n: fc.option(fc.integer({ min: -5, max: 5 })),
      ts: fc.option(micros),
      s: fc.option(fc.constantFrom('', 'a', 'ab', 'zzzzzzzzzzzzzzzzzzzz', '😀', '\uffff')),
      d: fc.option(cents),
      f: fc.option(fc.constantFrom('1.5', '-0.0', '0.0', 'nan', 'inf', '-2')),
      b: fc.option(fc.boolean()),
      on_day: fc.option(fc.integer({ min: -40, max: 40 })),
    })
    type Row = typeof row extends fc.Arbitrary<infer T> ? T : never
    const op = fc.constantFrom('=', '<', '<=', '>', '>=')
    const compare = <T>(
      column: string,
      values: fc.Arbitrary<T>,
      value: (v: T) => unknown,
      sql: (v: T) => string,
    ) =>
      fc.oneof(
        fc.tuple(op, values).map(([o, v]) => ({
          predicate: { column, op: o, value: value(v) },
          sql: `${column} ${o} ${sql(v)}`,
        })),
        fc.array(values, { minLength: 1, maxLength: 3 }).map((vs) => ({
          predicate: { column, op: 'in', values: vs.map(value) },
          sql: `${column} IN (${vs.map(sql).join(', ')})`,
        })),
        fc.constantFrom('is-null', 'not-null').map((o) => ({
          predicate: { column, op: o },
          sql: `${column} IS ${o === 'is-null' ? 'NULL' : 'NOT NULL'}`,
        })),
      )
    const predicates = {
      n: compare('n', fc.integer({ min: -6, max: 6 }), BigInt, String),
      ts: compare(
        'ts',
        micros,
        (us) => us,
        (us) => `make_timestamptz(${us})`,
      ),
      s: compare(
        's',
        fc.constantFrom('', 'a', 'b', '\ue000', '😀', 'zzzzzzzzzzzzzzzzzzzz'),
        (s) => s,
        (s) => `'${s}'`,
      ),
      d: compare('d', cents, decimalText, (c) => `${decimalText(c)}::DECIMAL(9,2)`),
      f: compare(
        'f',
        fc.constantFrom(-2, 0, 1.5, Infinity),
        (f) => f,
        (f) => `'${f === Infinity ? 'inf' : f}'::DOUBLE`,
      ),
      b: compare('b', fc.boolean(), (b) => b, String),
      on_day: compare(
        'on_day',
        fc.integer({ min: -41, max: 41 }),
        (d) => d,
        (d) => `DATE '1970-01-01' + ${d}`,
      ),
    }
    /** Mostly predicates on the columns that the partitions are made of. */
    const predicateOn = (names: readonly string[]) =>
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc
            .constantFrom(...names)
            .chain((name) => predicates[name as keyof typeof predicates]),
        },
        { weight: 1, arbitrary: fc.oneof(...Object.values(predicates)) },
      )

    const valuesOf = (rows: readonly Row[]): string =>
      rows
        .map((r) => {
          const cells = [
            r.n ?? 'NULL',
            r.ts === null ? 'NULL' : `make_timestamptz(${r.ts})`,
            r.s === null ? 'NULL' : `'${r.s}'`,
            r.d === null ? 'NULL' : decimalText(r.d),
            r.f === null ? 'NULL' : `'${r.f}'::DOUBLE`,
            r.b ?? 'NULL',
            r.on_day === null ? 'NULL' : `DATE '1970-01-01' + ${r.on_day}`,
          ]
          return `(${cells.map(String).join(', ')})`
        })
        .join(', ')

    it.each([
      ['nothing', []],
      ['a day', [['ts', 'day']]],
      [
        'an hour and a text',
        [
          ['ts', 'hour'],
          ['s', 'identity'],
        ],
      ],
      [
        'a month and a cut number',
        [
          ['on_day', 'month'],
          ['n', 'truncate[3]'],
        ],
      ],
      [
        'a decimal and a year',
        [
          ['d', 'truncate[100]'],
          ['on_day', 'year'],
        ],
      ],
      [
        'a cut text',
        [
          ['s', 'truncate[1]'],
          ['b', 'identity'],
        ],
      ],
    ] as const)('loses no row of a table that is partitioned by %s', async (_, partition) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(row, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
          fc.array(
            predicateOn(
              partition.length === 0 ? Object.keys(columns) : partition.map(([name]) => name),
            ),
            { minLength: 1, maxLength: 2 },
          ),
          async (batches, chosen) => {
            const table = growTable(shop, sampleTable({ location: location(), columns, partition }))
            for (const batch of batches) {
              await table.append(
                `FROM (VALUES ${valuesOf(batch)}) t(${Object.keys(columns).join(', ')})`,
                { compressionLevel: 1 },
              )
            }
            const filter = chosen.map((p) => p.predicate as unknown as ColumnPredicate)
            const where = `WHERE ${chosen.map((p) => p.sql).join(' AND ')} ORDER BY ALL`
            const pruned = await read(await plan(table.metadata, filter), where)
            const full = await read(await plan(table.metadata), where)
            expect(pruned).toEqual(full)
          },
        ),
        { numRuns: 40 },
      )
    })
  })
})
