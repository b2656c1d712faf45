import { benchmarks } from './benchmarks.ts'
import { runBenchmark } from './run-benchmark.ts'

process.exitCode = await runBenchmark(benchmarks, process.argv.slice(2), (line) => {
  console.log(line)
})
