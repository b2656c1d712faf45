import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { benchmarks } from '../../bench/benchmarks.ts'
import { runBenchmark } from '../../bench/run-benchmark.ts'
import { describeWithService } from '../support/service.ts'

const PATIENCE_MS = 300_000

interface ResultLine {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly peer?: { readonly value: number }
  readonly ratio?: number
  readonly facts: Readonly<Record<string, number>>
}

describe('live-log', () => {
  it(
    'takes in every event, and knows of each when a reader could see it',
    async () => {
      const lines = await run('live-log', '--events', '3000', '--rate', '2000', '--seconds', '2')
      expectLoopLines(lines, 3000)
    },
    PATIENCE_MS,
  )
})

await describeWithService(['kafka', 'minio'], 'live-kafka', () => {
  it(
    'takes in every event of all partitions into each store, and knows when a reader could see it',
    async () => {
      const small = [
        '--events',
        '3000',
        '--rate',
        '2000',
        '--seconds',
        '2',
        '--store',
        'local,minio',
      ]
      const lines = await run('live-kafka', ...small)
      expect(lines).toHaveLength(2 * 8)
      for (const store of ['local disk', 'MinIO']) {
        const results = lines.filter(({ name }) => name.startsWith(`${store}: `))
        expectLoopLines(results.slice(0, 7), 3000)
        expect(results[7]).toMatchObject({ name: `${store}: files written a cut`, unit: 'files' })
        for (const { peer } of results) expect(peer !== undefined).toBe(store !== 'local disk')
      }
    },
    PATIENCE_MS,
  )
})

await describeWithService('minio', 'ranges', () => {
  it(
    'answers from column chunks as from the whole file',
    async () => {
      const small = ['--rows', '100000', '--runs', '1', '--store', 'minio']
      const lines = await run('ranges', ...small)
      expect(lines.map(({ unit }) => unit)).toEqual(['ms', 'ms', 'ms'])
      for (const { value, peer, facts } of lines) {
        expect(value).toBeGreaterThan(0)
        expect(peer?.value).toBeGreaterThan(0)
        expect(facts['read_mb']).toBeLessThan(facts['file_mb'] ?? 0)
      }
    },
    PATIENCE_MS,
  )
})

await describeWithService(['minio', 'hdfs'], 'stores', () => {
  it(
    'takes in the same events in each store, and queries what it took in',
    async () => {
      const small = ['--events', '2000', '--rate', '1000', '--seconds', '2', '--runs', '1']
      const lines = await run('stores', ...small)
      for (const store of ['local disk', 'MinIO', 'HDFS']) {
        const results = lines.filter(({ name }) => name.startsWith(`${store}: `))
        expect(results.map(({ unit }) => unit)).toEqual([
          'events/s',
          'ms',
          'ms',
          'ms',
          'ms',
          'files',
        ])
        expect(results[0]?.facts).toMatchObject({ events: 2000 })
        for (const { value, peer } of results) {
          expect(value).toBeGreaterThan(0)
          expect(peer !== undefined).toBe(store !== 'local disk')
        }
      }
    },
    PATIENCE_MS,
  )
})

describe('backlog', () => {
  it(
    'takes in every event of all symbols',
    async () => {
      const lines = await run('backlog', '--events', '2500', '--symbols', '40')
      expect(lines.map(({ unit }) => unit)).toEqual(['events/s', 'events/CPU-s', 'MB'])
      for (const { facts } of lines) {
        expect(facts).toMatchObject({ symbols: 40, events: 2500, silver_rows: 2500 })
      }
    },
    PATIENCE_MS,
  )
})

describe('klines', () => {
  it(
    'takes in the rows of a file up to its daily bars',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-test-'))
      try {
        const minutes = Array.from({ length: 50 }, (_, index) => {
          return `${1_451_606_400_000 + index * 60_000},2,2,3,1,0.5\n`
        })
        const file = join(folder, 'BTCUSD-1m-2016.csv')
        await writeFile(file, ['mts,open,close,high,low,volume\n', ...minutes].join(''))
        const lines = await run('klines', file)
        expect(lines.map(({ unit }) => unit)).toEqual(['s', 'rows/s', 'MB'])
        for (const { facts } of lines) expect(facts).toMatchObject({ rows: 51, silver_rows: 50 })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    PATIENCE_MS,
  )
})

describe('backfill-ticks', () => {
  it(
    'takes in the same rows as plain DuckDB',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-test-'))
      try {
        const day = Array.from({ length: 500 }, (_, index) => `${34_200_000 + index * 7},`)
        const csv = day.map((time, index) => `${time}${1_450_000 + index},100,P,0,0\n`).join('')
        const zip = join(folder, 'spy.zip')
        const entries = { '20131007_spy_Trade_Tick.csv': strToU8(csv) }
        await writeFile(zip, zipSync(entries))
        const lines = await run('backfill-ticks', zip)
        expect(lines.map(({ unit }) => unit)).toEqual(['rows/s', 'rows/CPU-s', 'MB', 'files'])
        for (const { facts, value, peer, ratio } of lines.slice(0, 3)) {
          expect(facts).toMatchObject({ rows: 500, silver_rows: 500, peer_rows: 500 })
          expect(peer?.value).toBeGreaterThan(0)
          expect(Math.abs(value / (peer?.value ?? 1) / (ratio ?? 1) - 1)).toBeLessThan(0.01)
        }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    PATIENCE_MS,
  )

  it('says which argument it does not take', async () => {
    await expect(run('backfill-ticks', '--events', '3')).rejects.toThrow('--events')
    await expect(run('live-log', '--events', 'many')).rejects.toThrow('many')
    await expect(run('live-kafka', '--store', 'disk')).rejects.toThrow(/local,minio,hdfs.*"disk"/)
  })
})

function expectLoopLines(lines: readonly ResultLine[], events: number): void {
  const units = ['events/s', 'events/CPU-s', 'MB', 'ms', 'ms', 'ms', 'MB']
  expect(lines.map(({ unit }) => unit)).toEqual(units)
  expect(lines.every(({ value }) => value > 0)).toBe(true)
  for (const { facts } of lines.slice(0, 3)) {
    expect(facts['events']).toBe(events)
    expect(facts['silver_rows']).toBeGreaterThan(events * 0.9)
    expect(facts['silver_rows']).toBeLessThanOrEqual(events)
  }
  const [p50, p99, longest] = lines.slice(3, 6)
  expect(p50?.facts['events']).toBeGreaterThan(0)
  expect(p50?.value).toBeLessThanOrEqual(p99?.value ?? 0)
  expect(p99?.value).toBeLessThanOrEqual(longest?.value ?? 0)
}

async function run(name: string, ...args: readonly string[]): Promise<ResultLine[]> {
  const lines: string[] = []
  const code = await runBenchmark(benchmarks, [name, ...args], (line) => lines.push(line))
  expect(code).toBe(0)
  return lines.map((line) => JSON.parse(line) as ResultLine)
}
