import type { Benchmark } from './benchmark.ts'
import { machineBenchmark } from './machine-benchmark.ts'

/** All benchmarks, by the name on the command line. */
export const benchmarks: readonly Benchmark[] = [machineBenchmark]
