import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../../../../tables/engine/engine.ts'
import type { ListedMessage } from '../../../support/list-source.ts'
import { openLocalLake, type LocalLake } from '../../../support/local-lake.ts'
import { runCommand } from '../../../support/run-command.ts'
import { runList } from '../../../support/run-list.ts'
import { runPython } from '../../../support/pyiceberg.ts'
import { runSluice } from '../../../support/sluice-process.ts'

const START_MS = 1_736_985_590_000

const trades: readonly ListedMessage[] = Array.from({ length: 9 }, (_, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload: JSON.stringify({
    trade_id: `T${index}`,
    symbol: 'AAPL',
    price: 100 + index / 8,
    volume: 10,
    timestamp: new Date(START_MS + index).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: BigInt(START_MS) * 1000n,
}))

let local: LocalLake
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-sql-'))
  local = await openLocalLake()
  await runList(local.lake, trades, [3])
})
afterAll(async () => {
  await local.close()
  await rm(folder, { recursive: true, force: true })
})

const SQL =
  'SELECT venue_symbol, event_ts, price, quantity, trade_id FROM silver.trades ORDER BY ALL'

const sql = (...args: readonly string[]): Promise<string> =>
  runCommand(local.directory, 'sql', ...args)

describe('sluice sql --output', () => {
  it.each(['csv', 'json', 'ndjson'])('writes %s as it would to stdout', async (form) => {
    const path = join(folder, `rows.${form}`)
    expect(await sql('--output', path, SQL)).toBe('')
    expect(await readFile(path, 'utf8')).toBe(await sql('--format', form, SQL))
  })

  it('writes Parquet that the engine reads with the same types and rows', async () => {
    const path = join(folder, 'rows.parquet')
    await sql('--output', path, `${SQL};`)
    const engine = await createEngine({ scratchDir: join(folder, 'scratch') })
    const session = await engine.connect()
    const columns = await session.rows<{ readonly column_type: string }>(`DESCRIBE FROM '${path}'`)
    expect(columns.map((column) => column.column_type)).toEqual([
      ...['VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'DECIMAL(18,8)', 'DECIMAL(28,8)', 'VARCHAR'],
    ])
    const [codecs] = await session.rows<{ readonly codec: string }>(
      `SELECT DISTINCT compression AS codec FROM parquet_metadata('${path}')`,
    )
    expect(codecs).toEqual({ codec: 'ZSTD' })
    const rows = await session.rows<{ readonly line: string }>(
      `SELECT concat_ws(',', venue_symbol, strftime(event_ts, '%Y-%m-%dT%H:%M:%S.%fZ'), price, quantity,
         trade_id) AS line FROM '${path}'`,
    )
    session.close()
    await engine.close()
    const csv = (await sql('--format', 'csv', SQL)).trimEnd().split('\r\n').slice(1)
    expect(rows.map((row) => row.line)).toEqual(csv)
  })

  it.each([
    ['rows.arrow', 'file'],
    ['rows.arrows', 'stream'],
  ])('writes %s as the %s that the name says', async (name, kind) => {
    const path = join(folder, name)
    await sql('--output', path, '--cut', '1', SQL)
    const { stdout } = await runPython('test/tables/query/read-columnar.py', [`${kind}:${path}`])
    const [schema = '', rows = ''] = stdout.trim().split('\n')
    expect(JSON.parse(schema)).toEqual([
      ['venue_symbol', 'string'],
      ['event_ts', 'timestamp[us, tz=UTC]'],
      ['price', 'decimal128(18, 8)'],
      ['quantity', 'decimal128(28, 8)'],
      ['trade_id', 'string'],
    ])
    const count = await sql('--cut', '1', '--format', 'csv', 'SELECT count(*) FROM silver.trades')
    expect(JSON.parse(rows)).toHaveLength(Number(count.split('\r\n')[1]))
  })

  it('leaves the file of before where the statement fails on its way', async () => {
    const path = join(folder, 'kept.csv')
    await writeFile(path, 'before')
    const failing =
      "SELECT CASE WHEN i > 900000 THEN error('late') ELSE '' END FROM range(999999) r(i)"
    await expect(sql('--output', path, failing)).rejects.toThrow(/late/)
    expect(await readFile(path, 'utf8')).toBe('before')
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
  })

  it.each([
    [['--engine', 'trino', '--output', 'rows.parquet', 'SELECT 1'], /--format arrow/],
    [['--output', 'rows.csv'], /one statement/],
    [['--format', 'arrow'], /one statement/],
  ])('refuses %j', async (args, message) => {
    await expect(sql(...args)).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('sluice sql without a statement, and no terminal', () => {
  it('runs what stdin holds, and ends at the first that fails', async () => {
    const args = ['sql', '--lake', local.directory, '--format', 'csv']
    const stdin = '.cut 1\nSELECT 1 AS a; SELECT\n2 AS b;\nSELECT nonsense;\nSELECT 3 AS c'
    const { code, stdout, stderr } = await runSluice(args, { stdin })
    expect(stdout).toBe('a\r\n1\r\nb\r\n2\r\n')
    expect(stderr).toMatch(/^cut 1 of .*\ncut 1 of .*\nsluice: invalid-input: .*nonsense/s)
    expect(code).toBe(2)
  })
})
