import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import type { ColumnPredicate, ScanPlan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { createDeleteIndex } from '../../../tables/scan/delete-index.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { openWorkshop, sampleTable } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growTable } from './growing-table.ts'
import type { GrowingTable } from './growing-table.ts'

describe('planning and reading a scan', () => {
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

  const daily = async (): Promise<GrowingTable> => {
    const table = growTable(
      shop,
      sampleTable({
        location: location(),
        columns: { id: 'long', at: 'timestamptz', symbol: 'string' },
        partition: [['at', 'day']],
        sort: ['id'],
      }),
    )
    for (const day of ['01', '02', '03']) {
      await table.append(
        `SELECT i AS id, TIMESTAMPTZ '2024-08-${day} 00:00:00+00' + i * INTERVAL 1 HOUR AS at,
         'S${day}-' || i AS symbol FROM range(10) t(i)`,
      )
    }
    return table
  }

  const august = (day: number): bigint => 1722470400000000n + BigInt(day - 1) * 86_400_000_000n

  it('reads nothing from a table without a snapshot, with its types', async () => {
    const metadata = sampleTable({
      location: location(),
      columns: { id: 'long', d: 'decimal(9, 2)' },
    })
    const planned = await plan(metadata)
    expect(planned).toMatchObject({ tasks: [], filesPlanned: 0, metadataBytesRead: 0 })
    const sql = await scanSql(planned, shop.fileIO, { withPosition: true })
    expect(await shop.session.rows(`DESCRIBE ${sql}`)).toMatchObject([
      { column_name: 'id', column_type: 'BIGINT' },
      { column_name: 'd', column_type: 'DECIMAL(9,2)' },
      { column_name: '_file', column_type: 'VARCHAR' },
      { column_name: '_pos', column_type: 'BIGINT' },
    ])
    expect(await shop.session.rows(sql)).toEqual([])
  })

  it('leaves out manifests by the day of a timestamp', async () => {
    const table = await daily()
    const planned = await plan(table.metadata, [
      { column: 'at', op: '>=', value: august(2) },
      { column: 'at', op: '<', value: august(2) + 1n },
    ])
    expect(planned).toMatchObject({ filesPlanned: 1, manifestsRead: 1 })
    expect(planned.tasks[0]?.file.partition).toEqual({ at_day: 19937 })
  })

  it('leaves out files by bounds and null counts', async () => {
    const table = await daily()
    const count = async (predicate: ColumnPredicate) =>
      (await plan(table.metadata, [predicate])).filesPlanned
    expect(await count({ column: 'symbol', op: '=', value: 'S02-5' })).toBe(1)
    expect(await count({ column: 'symbol', op: 'in', values: ['S01-1', 'S03-1'] })).toBe(2)
    expect(await count({ column: 'id', op: '>', value: 9 })).toBe(0)
    expect(await count({ column: 'id', op: '>=', value: 9n })).toBe(3)
    expect(await count({ column: 'id', op: 'is-null' })).toBe(0)
    expect(await count({ column: 'at', op: 'is-null' })).toBe(0)
    expect(await count({ column: 'at', op: 'not-null' })).toBe(3)
  })

  it('refuses a column that is not there and names those that are', async () => {
    const table = await daily()
    const error: unknown = await plan(table.metadata, [
      { column: 'price', op: '=', value: 1 },
    ]).catch((e: unknown) => e)
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toContain('id, at, symbol')
  })

  it('reads an old snapshot, and refuses one that is gone', async () => {
    const table = await daily()
    const [first] = table.metadata.snapshots
    const planned = await planScan({
      fileIO: shop.fileIO,
      metadata: table.metadata,
      snapshotId: first?.['snapshot-id'] ?? 0n,
    })
    expect(await read(planned, 'WHERE id = 3')).toHaveLength(1)
    await expect(
      planScan({ fileIO: shop.fileIO, metadata: table.metadata, snapshotId: 5n }),
    ).rejects.toThrow(/no snapshot 5/)
  })

  it('reads each manifest once from the store where there is a cache', async () => {
    const table = await daily()
    const manifestCache = createManifestCache()
    const request = { fileIO: shop.fileIO, metadata: table.metadata, manifestCache }
    const first = await planScan(request)
    const second = await planScan(request)
    expect(first.metadataBytesRead).toBeGreaterThan(0)
    expect(second.metadataBytesRead).toBe(0)
    expect(second.tasks).toEqual(first.tasks)
  })

  it('does not read files that were removed', async () => {
    const table = await daily()
    const planned = await plan(table.metadata)
    await table.commit({ removed: [planned.tasks[0]?.file.filePath ?? ''] })
    expect(await read(await plan(table.metadata))).toHaveLength(20)
  })

  it('takes columns by field id through add, drop, rename and a wider type', async () => {
    const table = growTable(
      shop,
      sampleTable({
        location: location(),
        columns: { id: 'int', old_name: 'string', dropped: 'string', price: 'decimal(9, 2)' },
      }),
    )
    await table.append("SELECT 1 AS id, 'kept' AS old_name, 'gone' AS dropped, 1.25 AS price")
    const before = table.metadata['current-snapshot-id'] ?? 0n
    table.metadata = {
      ...table.metadata,
      'current-schema-id': 1,
      'last-column-id': 5,
      schemas: [
        ...table.metadata.schemas,
        {
          type: 'struct',
          'schema-id': 1,
          fields: [
            { id: 5, name: 'dropped', required: false, type: 'timestamptz' },
            { id: 2, name: 'new_name', required: false, type: 'string' },
            { id: 1, name: 'id', required: false, type: 'long' },
            { id: 4, name: 'price', required: false, type: 'decimal(18, 2)' },
          ],
        },
      ],
    }
    expect(await read(await plan(table.metadata))).toEqual([
      { dropped: null, new_name: 'kept', id: 1n, price: '1.25' },
    ])
    await table.append(
      "SELECT TIMESTAMPTZ '1970-01-01 00:00:01+00' AS dropped, 'b' AS new_name, 5000000000 AS id, 2 AS price",
    )
    const both = await plan(table.metadata, [{ column: 'id', op: '>=', value: 1n }])
    expect(await read(both, 'ORDER BY id')).toEqual([
      { dropped: null, new_name: 'kept', id: 1n, price: '1.25' },
      { dropped: 1_000_000n, new_name: 'b', id: 5_000_000_000n, price: '2.00' },
    ])
    // The bound of the first file has the four bytes of an int.
    expect((await plan(table.metadata, [{ column: 'id', op: '>', value: 1n }])).filesPlanned).toBe(
      1,
    )
    const old = await planScan({
      fileIO: shop.fileIO,
      metadata: table.metadata,
      snapshotId: before,
    })
    expect(await read(old)).toEqual([{ id: 1, old_name: 'kept', dropped: 'gone', price: '1.25' }])
  })

  it('leaves out deleted rows and says each row’s file and place', async () => {
    const table = await daily()
    const planned = await plan(table.metadata)
    const [first, second] = planned.tasks
    if (first === undefined || second === undefined) throw new Error('files are due')
    const deletes = await writePositionDeletes(shop, table.metadata, [
      { file: first.file, positions: [0n, 9n] },
      { file: second.file, positions: [5n] },
    ])
    await table.commit({ deletes })
    const after = await plan(table.metadata)
    expect(await read(after)).toHaveLength(27)
    const placed = await shop.session.rows<{ _file: string; _pos: bigint; id: bigint }>(
      await scanSql(after, shop.fileIO, { columns: ['id'], withPosition: true }),
    )
    expect(new Set(placed.map((row) => row._file))).toEqual(
      new Set(after.tasks.map((task) => task.file.filePath)),
    )
    // The files are sorted by id, which counts from 0: the place is the id.
    for (const row of placed) expect(row._pos).toBe(row.id)
    const ofFirst = placed.filter((row) => row._file === first.file.filePath)
    expect(ofFirst.map((row) => Number(row.id)).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('adds up several delete files of one data file', async () => {
    const table = await daily()
    const [task] = (await plan(table.metadata, [{ column: 'symbol', op: '=', value: 'S01-1' }]))
      .tasks
    if (task === undefined) throw new Error('a file is due')
    for (const positions of [[1n], [2n, 1n], [3n]]) {
      const deletes = await writePositionDeletes(shop, table.metadata, [
        { file: task.file, positions },
      ])
      await table.commit({ deletes })
    }
    expect(await read(await plan(table.metadata))).toHaveLength(27)
  })

  it('does not apply a delete to a data file that came later', async () => {
    const table = await daily()
    const [task] = (await plan(table.metadata)).tasks
    if (task === undefined) throw new Error('a file is due')
    const deletes = await writePositionDeletes(shop, table.metadata, [
      { file: task.file, positions: [0n] },
    ])
    await table.commit({ deletes })
    await table.commit({ removed: [task.file.filePath] })
    await table.commit({ data: [task.file] })
    expect(await read(await plan(table.metadata))).toHaveLength(30)
  })

  it('applies deletes that name no file to the files of their partition by the rows in them', async () => {
    const table = await daily()
    const [first, second] = (await plan(table.metadata)).tasks
    if (first === undefined || second === undefined) throw new Error('files are due')
    const [scoped] = await writePositionDeletes(shop, table.metadata, [
      { file: first.file, positions: [4n] },
    ])
    if (scoped === undefined) throw new Error('a delete file is due')
    const { referencedDataFile: _, ...broad } = {
      ...scoped,
      lowerBounds: new Map(),
      upperBounds: new Map(),
    }
    await table.commit({ deletes: [broad] })
    const after = await plan(table.metadata)
    expect(after.tasks.filter((task) => task.deletes.length > 0)).toHaveLength(1)
    expect(await read(after)).toHaveLength(29)
  })

  it('refuses deletes that it cannot apply instead of passing over them', () => {
    const file = { specId: 0, partition: {}, filePath: 'memory://d', lowerBounds: new Map() }
    const data = { ...file, content: 'data' } as never
    const equality = { ...file, content: 'equality-deletes', equalityIds: [1] } as never
    const entry = { status: 'added', snapshotId: 1n, fileSequenceNumber: 2 } as const
    const index = createDeleteIndex([{ ...entry, sequenceNumber: 2, file: equality }])
    expect(() => index.deletesFor(data, 1)).toThrow(/equality deletes/)
    expect(index.deletesFor(data, 2)).toEqual([])
    const foreign = {
      ...file,
      content: 'position-deletes',
      specId: 1,
      referencedDataFile: 'memory://d',
    } as never
    const mismatched = createDeleteIndex([{ ...entry, sequenceNumber: 2, file: foreign }])
    expect(() => mismatched.deletesFor(data, 1)).toThrow(/another partition or spec/)
  })

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
    const predicate = fc.oneof(
      compare('n', fc.integer({ min: -6, max: 6 }), BigInt, String),
      compare(
        'ts',
        micros,
        (us) => us,
        (us) => `make_timestamptz(${us})`,
      ),
      compare(
        's',
        fc.constantFrom('', 'a', 'b', '\ue000', '😀', 'zzzzzzzzzzzzzzzzzzzz'),
        (s) => s,
        (s) => `'${s}'`,
      ),
      compare('d', cents, decimalText, (c) => `${decimalText(c)}::DECIMAL(9,2)`),
      compare(
        'f',
        fc.constantFrom(-2, 0, 1.5, Infinity),
        (f) => f,
        (f) => `'${f === Infinity ? 'inf' : f}'::DOUBLE`,
      ),
      compare('b', fc.boolean(), (b) => b, String),
      compare(
        'on_day',
        fc.integer({ min: -41, max: 41 }),
        (d) => d,
        (d) => `DATE '1970-01-01' + ${d}`,
      ),
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
          fc.array(predicate, { minLength: 1, maxLength: 3 }),
          async (batches, predicates) => {
            const table = growTable(shop, sampleTable({ location: location(), columns, partition }))
            for (const batch of batches) {
              await table.append(
                `FROM (VALUES ${valuesOf(batch)}) t(${Object.keys(columns).join(', ')})`,
                { compressionLevel: 1 },
              )
            }
            const filter = predicates.map((p) => p.predicate as unknown as ColumnPredicate)
            const where = `WHERE ${predicates.map((p) => p.sql).join(' AND ')} ORDER BY ALL`
            const pruned = await read(await plan(table.metadata, filter), where)
            const full = await read(await plan(table.metadata), where)
            expect(pruned).toEqual(full)
          },
        ),
        { numRuns: 15 },
      )
    })
  })
})
