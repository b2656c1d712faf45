import { createServer } from 'node:http'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allViews } from '../../shared-transforms/lake-views.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'

interface Report {
  readonly produced: number
  readonly committed: number
  readonly rows: Readonly<Record<string, number>>
  readonly rejected: number
  readonly duplicates: number
  readonly cuts: number
  readonly freshnessP50Ms: number
  readonly freshnessP99Ms: number
  readonly catalogUrl: string
}

interface Cut {
  readonly cut_number: number
  readonly message_count: number
  readonly decoded_count: number
  readonly ignored_count: number
  readonly rejected_count: number
  readonly row_count: number
  readonly silver_count: number
  readonly duplicate_count: number
  readonly refused_count: number
  readonly committed_ts: string
}

let folder: string
let lake: string
let report: Report
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
  lake = join(folder, 'lake')
  const [port] = await freePorts(1)
  const demo = await runSluice([
    ...['demo', '--lake', lake, '--port', String(port), '--rate', '500'],
    ...['--duration', '5s', '--json'],
  ])
  expect(demo.code, demo.stderr).toBe(0)
  // Nothing else may be on stdout, or no program could read it.
  report = JSON.parse(demo.stdout) as Report
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Views have no rows of their own. */
const viewCounts = Object.fromEntries(allViews.map(({ name }) => [name, null]))
const rowsOf = (table: string): number => report.rows[table] ?? Number.NaN

async function json<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runSluice([...args, '--lake', lake, '--json'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as T
}

async function scalar(sql: string, ...options: readonly string[]): Promise<string> {
  const done = await runSluice(['sql', sql, '--lake', lake, '--format', 'csv', ...options])
  expect(done.code, done.stderr).toBe(0)
  return done.stdout.split('\r\n')[1] ?? ''
}

describe('the report of a demo run', () => {
  it('finds every message that was produced in bronze, once', () => {
    expect(report.produced).toBeGreaterThan(1000)
    expect(report.committed).toBe(report.produced)
    expect(rowsOf('bronze.trade_messages') + rowsOf('bronze.quote_messages')).toBe(report.produced)
  })

  it('accounts for every message: in silver, a duplicate, or rejected', () => {
    const silver = rowsOf('silver.trades') + rowsOf('silver.quotes')
    expect(silver + report.duplicates + report.rejected).toBe(report.produced)
    expect(rowsOf('silver.rejected_messages')).toBe(report.rejected)
  })

  it('has cuts, bars and a freshness', () => {
    expect(report.cuts).toBeGreaterThan(2)
    expect(rowsOf('gold.bars')).toBeGreaterThan(0)
    expect(report.freshnessP50Ms).toBeGreaterThan(0)
    expect(report.freshnessP99Ms).toBeGreaterThanOrEqual(report.freshnessP50Ms)
  })
})

describe('sluice tables', () => {
  it('counts rows as the report and as SQL does', async () => {
    const listed = await json<
      readonly Record<'kind' | 'namespace' | 'table' | 'rowCount', string>[]
    >(['tables'])
    const counts = Object.fromEntries(
      listed.map((each) => [`${each.namespace}.${each.table}`, each.rowCount]),
    )
    expect(counts).toEqual({ ...report.rows, ...viewCounts })
    expect(listed.filter(({ kind }) => kind === 'view')).toHaveLength(allViews.length)
    expect(await scalar('SELECT count(*) FROM gold.bars')).toBe(String(rowsOf('gold.bars')))
  })

  it('draws a line for each table, with the last cut, and for each view', async () => {
    const { code, stdout } = await runSluice(['tables', '--lake', lake])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(
      1 + Object.keys({ ...report.rows, ...viewCounts }).length,
    )
    expect(stdout).toMatch(new RegExp(`gold +bars +table +.* ${report.cuts} +One row is one bar`))
  })
})

describe('sluice describe', () => {
  it('tells of a table what it is and how it stands', async () => {
    const table = await json<Record<string, unknown>>(['describe', 'gold.bars'])
    expect(table).toMatchObject({
      namespace: 'gold',
      table: 'bars',
      rowCount: rowsOf('gold.bars'),
      lastCut: report.cuts,
      partition: ['month(open_ts)'],
      formatVersion: 2,
    })
    expect(table['columns']).toContainEqual({
      fieldId: 24,
      name: 'revision',
      type: 'int',
      isRequired: true,
      role: 'lineage',
      doc: expect.stringContaining('repaired') as string,
    })
    const { stdout } = await runSluice(['describe', 'bars', '--lake', lake])
    expect(stdout).toMatch(/^table +gold\.bars$/m)
    expect(stdout).toMatch(/^ +7 +open +decimal\(18, 8\) +never +content +Price of/m)
  })

  it('ends with 2 for a name that is no table', async () => {
    const { code, stderr } = await runSluice(['describe', 'gold.candles', '--lake', lake])
    expect(code).toBe(2)
    expect(stderr).toMatch(/no table gold\.candles.*Nothing was read/)
  })
})

describe('sluice history', () => {
  it('tells the snapshots of a table newest first, those of the cuts by number', async () => {
    const history = await json<readonly { cut: number | null; addedRows: number }[]>([
      ...['history', 'silver.rejected_messages', '1000'],
    ])
    const added = history.reduce((sum, line) => sum + (line.cut === null ? 0 : line.addedRows), 0)
    expect(added).toBe(report.rejected)
    const cuts = history.flatMap((line) => (line.cut === null ? [] : [line.cut]))
    expect(cuts).toEqual([...cuts].sort((a, b) => b - a))
    const { stdout } = await runSluice(['history', 'gold.bars', '1', '--lake', lake])
    expect(stdout).toMatch(new RegExp(`\n *\\d+ .* ${report.cuts} .* main`))
  })
})

describe('sluice cuts', () => {
  it('shows cuts whose counts add up, newest first and without a gap', async () => {
    const cuts = await json<readonly Cut[]>(['cuts', '1000'])
    expect(cuts.map((cut) => cut.cut_number)).toEqual(
      Array.from({ length: report.cuts }, (_, index) => report.cuts - index),
    )
    for (const cut of cuts) {
      const { decoded_count, ignored_count, rejected_count } = cut
      expect(decoded_count + ignored_count + rejected_count).toBe(cut.message_count)
      const { silver_count, duplicate_count, refused_count } = cut
      expect(silver_count + duplicate_count + refused_count).toBe(cut.row_count)
    }
    const messages = cuts.reduce((sum, cut) => sum + cut.message_count, 0)
    expect(messages).toBe(report.produced)
  })

  it('shows as many as it is asked for', async () => {
    const { stdout } = await runSluice(['cuts', '2', '--lake', lake])
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
  })
})

describe('sluice status', () => {
  it('tells a program where the lake stands', async () => {
    const status = await json<Record<string, unknown>>(['status'])
    expect(status).toMatchObject({
      holder: null,
      catalogUrl: report.catalogUrl,
      lastCut: { cut_number: report.cuts, mode: 'demo' },
      positions: [{ source: 'log:demo', source_partition: 0, end_offset: report.produced }],
      rows: report.rows,
    })
    const reasons = Object.values(status['rejectedLastDay'] as Record<string, number>)
    expect(reasons.reduce((sum, count) => sum + count, 0)).toBe(report.rejected)
  })

  it('tells a person the same on a page', async () => {
    const { code, stdout } = await runSluice(['status', '--lake', lake])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^writer +nobody$/m)
    expect(stdout).toMatch(new RegExp(`^last cut +${report.cuts}, .* ago`, 'm'))
    expect(stdout).toMatch(/^tables +[\d.]+ [kM]B live, in its own folder$/m)
    expect(stdout).toMatch(/^disk use +[\d.]+ [kM]B$/m)
    expect(stdout).toContain('log:demo')
  })
})

describe('sluice sql', () => {
  const symbols = "SELECT venue_symbol FROM gold.bars WHERE step = '1d' ORDER BY 1 LIMIT 2"

  it('writes a table for people', async () => {
    const { stdout } = await runSluice(['sql', symbols, '--lake', lake])
    expect(stdout).toMatch(/venue_symbol[^]*AAPL[^]*AMZN/)
  })

  it.each([
    ['csv', 'venue_symbol\r\nAAPL\r\nAMZN\r\n'],
    ['ndjson', '{"venue_symbol":"AAPL"}\n{"venue_symbol":"AMZN"}\n'],
  ])('writes %s', async (format, expected) => {
    const { stdout } = await runSluice(['sql', symbols, '--lake', lake, '--format', format])
    expect(stdout).toBe(expected)
  })

  it('writes json by either name', async () => {
    const expected = [{ venue_symbol: 'AAPL' }, { venue_symbol: 'AMZN' }]
    expect(await json(['sql', symbols])).toEqual(expected)
    const { stdout } = await runSluice(['sql', symbols, '--lake', lake, '--format', 'json'])
    expect(JSON.parse(stdout)).toEqual(expected)
  })

  it('reads the statement from stdin where it is -', async () => {
    const args = ['sql', '-', '--lake', lake, '--format', 'csv']
    const { stdout } = await runSluice(args, { stdin: symbols })
    expect(stdout).toBe('venue_symbol\r\nAAPL\r\nAMZN\r\n')
  })

  it('reads every table at one cut, and says on stderr which', async () => {
    const cuts = await json<readonly Cut[]>(['cuts', '1000'])
    const upTo2 = cuts.filter((cut) => cut.cut_number <= 2)
    const silver = upTo2.reduce((sum, cut) => sum + cut.silver_count, 0)
    const sql = 'SELECT (SELECT count(*) FROM silver.trades) + (SELECT count(*) FROM silver.quotes)'
    const args = ['sql', sql, '--lake', lake, '--format', 'csv']
    const atCut = await runSluice([...args, '--cut', '2'])
    expect(atCut.stdout.split('\r\n')[1]).toBe(String(silver))
    expect(atCut.stderr).toMatch(/^cut 2 of \d{4}-/)
    const third = cuts.find((cut) => cut.cut_number === 3)
    const justBefore3 = new Date(Date.parse(third?.committed_ts ?? '') - 1).toISOString()
    const asOf = await runSluice([...args, '--as-of', justBefore3])
    expect(asOf.stdout).toBe(atCut.stdout)
    expect(asOf.stderr).toBe(atCut.stderr)
  })

  it.each([
    ['DROP TABLE gold.bars', /DROP is refused.*Nothing was run/],
    ['SELECT * FROM gold.candles', /no table gold\.candles.*Nothing was read/],
    ['SELECT', /sluice: invalid-input: /],
  ])('ends with 2 and the reason for %s', async (sql, reason) => {
    const { code, stdout, stderr } = await runSluice(['sql', sql, '--lake', lake])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(reason)
  })

  it('ends with 2 for a cut that is not there, and names those that are', async () => {
    const args = ['sql', 'FROM gold.bars', '--lake', lake, '--cut', '999999']
    const { code, stderr } = await runSluice(args)
    expect(code).toBe(2)
    expect(stderr).toMatch(/Cut 999999 cannot be read.*nearest kept cut/)
  })

  it('lets no statement out of the lake', async () => {
    const secret = join(folder, 'secret.csv')
    await writeFile(secret, 'a\n1\n')
    const { code } = await runSluice(['sql', `SELECT * FROM read_csv('${secret}')`, '--lake', lake])
    expect(code).toBe(2)
  })
})

describe('an error', () => {
  it.each([
    ['SLUICE_ENGINE_THREADS', '0'],
    ['SLUICE_ENGINE_THREADS', 'all'],
    ['SLUICE_ENGINE_MEMORY', '2'],
    ['SLUICE_ENGINE_MEMORY', 'lots'],
  ])('is refused with %s=%s, before anything is opened', async (name, value) => {
    const { code, stderr } = await runSluice(['tables', '--lake', lake], { env: { [name]: value } })
    expect(code).toBe(2)
    expect(stderr).toContain(`sluice: invalid-input: ${name} is "${value}". Nothing was started.`)
  })

  it('shows a stack only where SLUICE_DEBUG is set', async () => {
    const args = ['sql', 'DROP TABLE x', '--lake', lake]
    expect((await runSluice(args)).stderr).not.toContain('    at ')
    const debug = await runSluice(args, { env: { SLUICE_DEBUG: '1' } })
    expect(debug.stderr).toContain('    at ')
  })
})

describe('SLUICE_LAKE', () => {
  it('names the lake where --lake does not', async () => {
    const env = { SLUICE_LAKE: lake }
    const { code, stdout } = await runSluice(['status', '--json'], { env })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ lake })
  })
})

describe('a lake of another layout version', () => {
  it('is refused with what to do', async () => {
    const other = await mkdtemp(join(folder, 'other-'))
    const file = { layoutVersion: 99, lakeId: 'x', location: `file://${other}` }
    await writeFile(join(other, 'lake.json'), JSON.stringify(file))
    const { code, stderr } = await runSluice(['tables', '--lake', other])
    expect(code).toBe(1)
    expect(stderr).toMatch(/sluice: unsupported: .*layout version 99.*newer Sluice/)
  })
})

describe('sluice catalog', () => {
  it('takes the next port where the wanted one is taken, and ends with 0 at SIGTERM', async () => {
    const [port = 0] = await freePorts(1)
    const squatter = createServer().listen(port, '127.0.0.1')
    await once(squatter, 'listening')
    const catalog = startSluice(['catalog', '--lake', lake, '--port', String(port)])
    const [, url = ''] = await catalog.waitFor(/(http:\/\/127\.0\.0\.1:\d+) serves/)
    expect(Number(new URL(url).port)).toBeGreaterThan(port)
    const answer = await fetch(`${url}/v1/namespaces/gold/tables`)
    expect(await answer.json()).toMatchObject({
      identifiers: ['bar_revisions', 'bars', 'spreads'].map((name) => ({
        namespace: ['gold'],
        name,
      })),
    })
    expect(await catalog.stop('SIGTERM')).toBe(0)
    squatter.close()
  })
})

describe('sluice check', () => {
  const config = (text: string): Promise<string> => writeConfig(folder, text)

  it('ends with 1 and every mistake of a config', async () => {
    const path = await config('kafka: {broker: ["127.0.0.1:1"]}\nsources: []\n')
    const { code, stdout } = await runSluice(['check', '--config', path])
    expect(code).toBe(1)
    expect(stdout).toMatch(/would not run[^]*did you mean brokers[^]*at least one topic/)
  })

  it('ends with 2 where there is no such file', async () => {
    const { code } = await runSluice(['check', '--config', join(folder, 'no-such.yaml')])
    expect(code).toBe(2)
  })

  it('says what topics would become, and that the brokers do not answer', async () => {
    const [port] = await freePorts(1)
    const path = await config(
      `lake: ${lake}\nkafka: {brokers: ["127.0.0.1:${port}"]}\n` +
        'sources: [{topic: stocks, format: stock-json}]\n',
    )
    const { code, stdout } = await runSluice(['check', '--config', path, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      lakeDirectory: lake,
      lakeExists: true,
      wouldRun: false,
      topics: [
        {
          topic: 'stocks',
          tables: [
            ...['bronze.trade_messages', 'silver.trades', 'gold.bars'],
            ...['bronze.quote_messages', 'silver.quotes', 'gold.spreads'],
          ],
        },
      ],
      problems: [expect.stringContaining('cannot be reached')],
    })
  })
})

async function writeConfig(parent: string, text: string): Promise<string> {
  const path = join(await mkdtemp(join(parent, 'config-')), 'sluice.yaml')
  await writeFile(path, text)
  return path
}
