import { describe, expect, it } from 'vitest'
import { benchmarks } from '../../bench/benchmarks.ts'
import { runBenchmark } from '../../bench/run-benchmark.ts'

const PATIENCE_MS = 300_000

interface ResultLine {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly peer?: { readonly value: number }
  readonly facts: Readonly<Record<string, number>>
}

describe('plan', () => {
  it(
    'plans every file, those of a symbol, and those of a symbol on two days',
    async () => {
      const sizes = ['--files', '60', '--manifests', '3', '--runs', '1']
      const lines = await run('plan', ...sizes)
      expect(lines.map(({ unit }) => unit)).toEqual(['ms', 'ms', 'ms', 'ms', 'ms', 'MB'])
      const planned = lines.slice(0, 5).map(({ facts }) => facts['files_planned'])
      // Twenty files a day hold five symbols each, and a symbol lies in one of them.
      expect(planned).toEqual([60, 60, 3, 2, 2])
      expect(lines.every(({ value }) => value > 0)).toBe(true)
    },
    PATIENCE_MS,
  )
})

describe('query', () => {
  it(
    'gives as many rows as the plain files do, at the head and at an older snapshot',
    async () => {
      const lines = await run('query', '--rows', '4000', '--files', '4', '--runs', '1')
      expect(lines.map(({ unit }) => unit)).toEqual(['ms', 'ms', 'ms', 'ms'])
      for (const { value, peer, facts } of lines) {
        expect(value).toBeGreaterThan(0)
        expect(peer?.value).toBeGreaterThan(0)
        expect(facts).toMatchObject({ table_rows: 4000, files: 4, runs: 1 })
        expect(facts['result_rows']).toBeGreaterThan(0)
      }
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
