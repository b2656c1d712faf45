import { benchmarks } from './benchmarks.ts'
import { runBenchmark } from './run-benchmark.ts'

// As bin/sluice.mjs does: the S3 client would say in each process that it wants a newer Node.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

process.exitCode = await runBenchmark(benchmarks, process.argv.slice(2), (line) => {
  console.log(line)
})
