import { join } from 'node:path'
import type { Benchmark } from './benchmark.ts'
import { startChild } from './child-process.ts'
import type { CutsAtMark, CutsTask } from './cuts-task.ts'
import { hundredths } from './hundredths.ts'
import { percentile } from './percentile.ts'
import { readCounts } from './read-counts.ts'

const sizes = { early: 10, middle: 1000, late: 20_000, measured: 200, warm: 100 }
const EARLY_MEASURED_MAX = 30

/** What it costs to commit a small cut over a lake's tables, as its history grows. */
export const commitBenchmark: Benchmark = {
  name: 'commit',
  about: 'a small cut over seven tables after 1,000 and 20,000 cuts, beside one after 10',
  run: async ({ args, scratchFolder, report }) => {
    const { counts } = readCounts(args, sizes)
    const { early, middle, late, measured, warm } = counts
    const task: CutsTask = {
      lakeDirectory: join(scratchFolder, 'lake'),
      warmCount: warm,
      marks: [
        // Few, so that they still are early ones.
        { mark: early, measuredCount: Math.min(measured, EARLY_MEASURED_MAX) },
        { mark: middle, measuredCount: measured },
        { mark: late, measuredCount: measured },
      ],
    }
    const child = startChild<never, readonly CutsAtMark[]>('cuts', task)
    const [base, ...later] = await child.report
    if (base === undefined) throw new Error('no cut was measured')
    for (const at of later) {
      const facts = {
        cuts_measured: at.wallMs.length,
        snapshots: at.snapshotCountMax,
        peer_snapshots: base.snapshotCountMax,
        ms_max: hundredths(Math.max(...at.wallMs)),
      }
      for (const { name, unit, of } of values) {
        const peer = { name: `after ${base.mark} cuts`, value: of(base) }
        report({ name: `after ${at.mark} cuts, ${name}`, value: of(at), unit, peer, facts })
      }
    }
  },
}

const values: readonly {
  readonly name: string
  readonly unit: string
  readonly of: (at: CutsAtMark) => number
}[] = [
  { name: 'p50', unit: 'ms', of: ({ wallMs }) => percentile(wallMs, 0.5) },
  { name: 'p99', unit: 'ms', of: ({ wallMs }) => percentile(wallMs, 0.99) },
  { name: 'CPU a cut', unit: 'CPU-ms', of: ({ cpuMs }) => mean(cpuMs) },
]

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
}
