import { describe, expect, it } from 'vitest'
import { benchmarks } from '../../bench/benchmarks.ts'
import { runBenchmark } from '../../bench/run-benchmark.ts'
import { describeWithService } from '../support/service.ts'

const PATIENCE_MS = 300_000

interface ResultLine {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly peer?: { readonly name: string; readonly value: number }
  readonly facts: Readonly<Record<string, number>>
}

describe('commit', () => {
  it(
    'tells of later cuts beside an early one, and of the snapshots that each commit carried',
    async () => {
      const marks = ['--early', '2', '--middle', '6', '--late', '40', '--measured', '3']
      const lines = await run('commit', ...marks, '--warm', '1')
      expect(lines.map(({ name }) => name)).toEqual([
        'after 6 cuts, p50',
        'after 6 cuts, p99',
        'after 6 cuts, CPU a cut',
        'after 40 cuts, p50',
        'after 40 cuts, p99',
        'after 40 cuts, CPU a cut',
      ])
      expect(lines.every(({ value, peer }) => value > 0 && (peer?.value ?? 0) > 0)).toBe(true)
      for (const { facts } of lines) expect(facts['cuts_measured']).toBe(3)
      // So few cuts are all kept.
      expect(lines[0]?.facts['snapshots']).toBe(9)
      expect(lines[0]?.facts['peer_snapshots']).toBe(5)
    },
    PATIENCE_MS,
  )
})

await describeWithService('iceberg-java', 'catalog', () => {
  it(
    'lands every commit of every client, on our server and on the reference',
    async () => {
      const lines = await run('catalog', '--commits', '12', '--clients', '3', '--warm', '2')
      expect(lines.map(({ unit }) => unit)).toEqual(['commits/s', 'commits/s', 'commits/s'])
      for (const { value, peer, facts } of lines) {
        expect(value).toBeGreaterThan(0)
        expect(peer?.value).toBeGreaterThan(0)
        expect(facts['commits']).toBe(12)
      }
      const [one, own, shared] = lines.map(({ facts }) => facts['retries'])
      expect([one, own]).toEqual([0, 0])
      // Three clients that start from the same head: at most one of them can be first.
      expect(shared).toBeGreaterThan(0)
    },
    PATIENCE_MS,
  )
})

describe('memory', () => {
  it(
    'measures a plan, a query and many cuts, each in a process of its own',
    async () => {
      const lake = ['--rows', '4000', '--days', '4', '--cuts', '9', '--early', '3']
      const lines = await run('memory', '--files', '60', '--manifests', '3', ...lake)
      expect(lines.map(({ unit }) => unit)).toEqual(['MB', 'MB', 'MB'])
      for (const { value } of lines) expect(value).toBeGreaterThan(0)
      const [plan, query, cuts] = lines.map(({ facts }) => facts)
      expect(plan?.['files_planned']).toBe(60)
      expect(query).toMatchObject({ table_rows: 4000, files: 4 })
      expect(query?.['result_rows']).toBeGreaterThan(0)
      expect(cuts?.['snapshots']).toBeGreaterThan(cuts?.['peer_snapshots'] ?? 0)
    },
    PATIENCE_MS,
  )
})

async function run(name: string, ...args: readonly string[]): Promise<ResultLine[]> {
  const lines: string[] = []
  const code = await runBenchmark(benchmarks, [name, ...args], (line) => lines.push(line))
  expect(code).toBe(0)
  return lines.map((line) => JSON.parse(line) as ResultLine)
}
