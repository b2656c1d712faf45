import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Benchmark } from '../../bench/benchmark.ts'
import { benchmarks } from '../../bench/benchmarks.ts'
import { percentile } from '../../bench/percentile.ts'
import { measure, readProcessCost } from '../../bench/process-cost.ts'
import { runBenchmark } from '../../bench/run-benchmark.ts'

describe('runBenchmark', () => {
  it('prints one JSON line a measurement, with its peer and the conditions', async () => {
    const lines = await run(['sample', 'fast'], async ({ args, report }) => {
      report({ name: args.join(), value: 50_000.04, unit: 'rows/s', facts: { rows: 3 } })
      report({ name: 'b', value: 50, unit: 'ms', peer: { name: 'plain', value: 200 } })
    })
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(first).toMatchObject({
      benchmark: 'sample',
      name: 'fast',
      value: 50_000,
      unit: 'rows/s',
    })
    expect(first).toMatchObject({ facts: { rows: 3 } })
    expect(first?.['conditions']).toMatchObject({ node: process.versions.node })
    expect(first).not.toHaveProperty('ratio')
    expect(second).toMatchObject({ peer: { name: 'plain', value: 200 }, ratio: 0.25 })
  })

  it('removes its scratch folder, also after a failure', async () => {
    let folder = ''
    const failing = run(['sample'], async ({ scratchFolder }) => {
      folder = scratchFolder
      expect(existsSync(folder)).toBe(true)
      throw new Error('the disk is full')
    })
    await expect(failing).rejects.toThrow('the disk is full')
    expect(existsSync(folder)).toBe(false)
  })

  it('lists what there is for a name that it does not know, and answers 2', async () => {
    const lines: string[] = []
    const code = await runBenchmark(benchmarks, ['no-such'], (line) => lines.push(line))
    expect(code).toBe(2)
    expect(lines[0]).toContain('no-such')
    expect(lines.length).toBe(benchmarks.length + 1)
  })

  it('knows every benchmark by a name of its own', () => {
    const names = benchmarks.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('measures the machine', async () => {
    const lines: string[] = []
    const code = await runBenchmark(benchmarks, ['machine'], (line) => lines.push(line))
    expect(code).toBe(0)
    const values = lines.map((line) => (JSON.parse(line) as { value: number }).value)
    expect(values.length).toBe(3)
    expect(values.every((value) => value > 0)).toBe(true)
  })
})

describe('readProcessCost', () => {
  it('agrees with what Node.js says about itself', () => {
    let noise = 0
    for (let index = 0; index < 5_000_000; index += 1) noise += Math.sqrt(index)
    expect(noise).toBeGreaterThan(0)
    const { user, system } = process.cpuUsage()
    const cost = readProcessCost()
    // /proc counts whole hundredths, and a fork starts with its parent's resource usage at zero.
    expect(Math.abs(cost.cpuSeconds - (user + system) / 1e6)).toBeLessThan(0.5)
    expect(Math.abs(cost.rssMbPeak - (process.resourceUsage().maxRSS * 1024) / 1e6)).toBeLessThan(
      30,
    )
  })
})

describe('measure', () => {
  it('gives the result of the work and what it took', async () => {
    const { result, wallSeconds, cpuSeconds } = await measure(() => Promise.resolve('done'))
    expect(result).toBe('done')
    expect(wallSeconds).toBeGreaterThanOrEqual(0)
    expect(cpuSeconds).toBeGreaterThanOrEqual(0)
  })
})

describe('percentile', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.99, 4],
    [[7], 0, 7],
  ])('of %j at %d is %d', (values, share, expected) => {
    expect(percentile(values, share)).toBe(expected)
  })
})

async function run(args: readonly string[], work: Benchmark['run']): Promise<string[]> {
  const lines: string[] = []
  const sample: Benchmark = { name: 'sample', about: 'for this test', run: work }
  await runBenchmark([sample], args, (line) => lines.push(line))
  return lines
}
