import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../../../tables/engine/engine.ts'
import type { Engine, Session } from '../../../tables/engine/engine.ts'
import type { RowValue } from '../../../tables/engine/row-value.ts'
import { isErrorKind } from '../../../tables/errors.ts'

describe('an engine', () => {
  let scratchDir: string
  let engine: Engine
  let session: Session

  beforeAll(async () => {
    scratchDir = await mkdtemp(join(tmpdir(), 'sluice-engine-'))
    engine = await createEngine({ scratchDir, memoryLimit: '256MB' })
    session = await engine.connect()
  })

  afterAll(async () => {
    session.close()
    await engine.close()
    await rm(scratchDir, { recursive: true, force: true })
  })

  const one = async (expression: string): Promise<RowValue | undefined> => {
    const [row] = await session.rows<{ value: RowValue }>(`SELECT ${expression} AS value`)
    return row?.value
  }

  it('lets a statement end whose session is closed under it, and stops it', async () => {
    const other = await engine.connect()
    const slow = other.run(
      'SELECT max(hash(a.range, b.range)) FROM range(1000000) a, range(10000) b',
    )
    other.close()
    await expect(slow).rejects.toThrow(/Interrupt/i)
    expect(await one('1')).toBe(1)
  })

  it('is closed only once nothing in it can write a file, and begins nothing more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-engine-'))
    const closing = await createEngine({ scratchDir: folder, memoryLimit: '256MB' })
    const writer = await closing.connect()
    let isEnded = false
    const query = 'SELECT hash(a.range, b.range) FROM range(1000000) a, range(10000) b'
    const copy = writer
      .run(`COPY (${query}) TO '${join(folder, 'endless.parquet')}'`)
      .finally(() => (isEnded = true))
    const refused = expect(copy).rejects.toThrow(/Interrupt/i)
    await closing.close()
    expect(isEnded).toBe(true)
    await refused
    await expect(writer.run('SELECT 1')).rejects.toThrow(/closed/)
    await rm(folder, { recursive: true })
  })

  it.each([
    ['NULL', null],
    ['true', true],
    ['1::INTEGER', 1],
    ['9007199254740993::BIGINT', 9007199254740993n],
    ['170141183460469231731687303715884105727::HUGEINT', 2n ** 127n - 1n],
    ["'-0.5'::DECIMAL(18,8)", '-0.50000000'],
    [
      "'99999999999999999999999999999.12345678'::DECIMAL(38,8)",
      '99999999999999999999999999999.12345678',
    ],
    ["TIMESTAMPTZ '2024-08-08 01:02:03.000004+02'", 1723071723000004n],
    ["TIMESTAMP '1969-12-31 23:59:59.5'", -500000n],
    ["TIMESTAMP_NS '1969-12-31 23:59:59.9999999'", -1n],
    ["DATE '2024-02-29'", '2024-02-29'],
    ["TIME '01:02:03.5'", '01:02:03.5'],
    ["UUID '00000000-0000-0000-0000-000000000001'", '00000000-0000-0000-0000-000000000001'],
    ['[1, NULL]', [1, null]],
    ["{'a': 1::BIGINT}", { a: 1n }],
    ["MAP {'k': 2}", [{ key: 'k', value: 2 }]],
  ])('returns %s exactly', async (expression, expected) => {
    expect(await one(expression)).toEqual(expected)
  })

  it('returns bytes of a blob', async () => {
    expect(Buffer.from((await one("'\\x00\\xFF'::BLOB")) as Uint8Array)).toEqual(
      Buffer.from([0, 255]),
    )
  })

  it('reads texts without a zone as UTC in every session', async () => {
    const other = await engine.connect()
    const [row] = await other.rows<{ us: bigint }>(
      "SELECT CAST('2024-01-01 00:00:00' AS TIMESTAMPTZ) AS us",
    )
    other.close()
    expect(row?.us).toBe(1704067200000000n)
  })

  it('binds values by their type', async () => {
    const [row] = await session.rows<Record<string, RowValue>>(
      'SELECT typeof($1) AS a, typeof($2) AS b, typeof($3) AS c, typeof($4) AS d, $5 AS e',
      [5n, 7, 0.5, 'x', null],
    )
    expect(row).toEqual({ a: 'BIGINT', b: 'INTEGER', c: 'DOUBLE', d: 'VARCHAR', e: null })
  })

  it('keeps temp tables to one session', async () => {
    const other = await engine.connect()
    await other.run('CREATE TEMP TABLE mine AS SELECT 1')
    await expect(session.rows('FROM mine')).rejects.toThrow(/mine/)
    other.close()
  })

  it.each([
    [`SELECT CASE WHEN i > 9000000 THEN error('late') ELSE 1 END FROM range(9999999) r(i)`, /late/],
    [
      `SELECT CASE WHEN i > 9000000 THEN i || 'x' ELSE '1' END::INT FROM range(9999999) r(i)`,
      /'9000001x'/,
    ],
  ])('does not take an error on the way for the end: %s', async (sql, message) => {
    const read = async (): Promise<void> => {
      const { blocks } = await session.stream(sql)
      for await (const block of blocks) expect(block.length).toBeGreaterThan(0)
    }
    await expect(read()).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(message) as string,
    })
    expect(await session.rows('SELECT 1 AS a')).toEqual([{ a: 1 }])
  })

  it('says so where a stream is stopped on its way', async () => {
    const { blocks } = await session.stream('SELECT md5(i::VARCHAR) FROM range(99999999) r(i)')
    const read = async (): Promise<void> => {
      for await (const block of blocks) if (block.length > 0) session.interrupt()
    }
    await expect(read()).rejects.toThrow(/Interrupted/)
  })

  it('can be asked again where a stream was closed unread, or left in the middle', async () => {
    const unread = await session.stream('FROM range(99999)')
    await unread.close()
    const { blocks } = await session.stream('FROM range(99999)')
    for await (const block of blocks) if (block.length > 0) break
    const { columns, close } = await session.stream('SELECT 1 AS a')
    expect(columns.map(({ name }) => name)).toEqual(['a'])
    await close()
  })

  it('streams rows in blocks with the types of the columns', async () => {
    const stream = await session.stream('SELECT i, i::DECIMAL(18,8) AS d FROM range(5000) t(i)')
    let sum = 0n
    let blockCount = 0
    for await (const block of stream.blocks) {
      blockCount += 1
      for (const [value] of block) sum += value as bigint
    }
    expect(stream.columns).toEqual([
      { name: 'i', type: 'BIGINT', valueType: { kind: 'int', bits: 64, isSigned: true } },
      {
        name: 'd',
        type: 'DECIMAL(18,8)',
        valueType: { kind: 'decimal', precision: 18, scale: 8 },
      },
    ])
    expect(sum).toBe((4999n * 5000n) / 2n)
    expect(blockCount).toBeGreaterThan(1)
  })

  it('calls a wrong statement invalid input and keeps the engine’s reason', async () => {
    const error: unknown = await session.run('SELECT nothing_like_it').catch((e: unknown) => e)
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toContain('nothing_like_it')
  })

  it('calls a file that cannot be read unavailable storage', async () => {
    const error: unknown = await session
      .rows("FROM read_parquet('/no/such/file.parquet')")
      .catch((e: unknown) => e)
    expect(isErrorKind(error, 'storage-unavailable')).toBe(true)
  })

  it('does not fetch extensions', async () => {
    await expect(session.run("FROM read_parquet('s3://bucket/file.parquet')")).rejects.toThrow()
    const loaded = await session.rows<{ name: string }>(
      "SELECT extension_name AS name FROM duckdb_extensions() WHERE loaded AND extension_name = 'httpfs'",
    )
    expect(loaded).toEqual([])
  })
})

describe('an engine that is locked down', () => {
  it('opens files of its folders only and takes no settings', async () => {
    const root = await mkdtemp(join(tmpdir(), 'sluice-locked-'))
    await writeFile(join(root, 'outside.csv'), 'secret\n1\n')
    const engine = await createEngine({
      scratchDir: join(root, 'scratch'),
      allowedDirectories: [join(root, 'lake')],
    })
    await writeFile(join(root, 'scratch', 'inside.csv'), 'a\n1\n')
    const session = await engine.connect()
    const inside = join(root, 'scratch', 'inside.csv')
    expect(await session.rows(`FROM read_csv('${inside}')`)).toEqual([{ a: 1n }])
    await expect(session.rows(`FROM read_csv('${root}/outside.csv')`)).rejects.toThrow(/disabled/)
    await expect(session.rows(`FROM read_csv('${root}/scratch/../outside.csv')`)).rejects.toThrow(
      /disabled/,
    )
    await expect(session.run('SET threads = 1')).rejects.toThrow(/locked/)
    await expect(session.run('SET enable_external_access = true')).rejects.toThrow()
    session.close()
    await engine.close()
    await rm(root, { recursive: true, force: true })
  })
})
