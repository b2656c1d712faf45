import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { percentile } from './percentile.ts'
import { measure } from './process-cost.ts'

const FSYNC_COUNT = 200
const PARQUET_ROWS = 1_000_000

/** How fast this machine is, so that the numbers of two machines can be put beside each other. */
export const machineBenchmark: Benchmark = {
  name: 'machine',
  about: 'this machine: fsync of a small file, plain DuckDB writing Parquet',
  run: async (context) => {
    await measureFsync(context)
    await measureParquet(context)
  },
}

/** A cut waits for a few dozen of these. */
async function measureFsync({ scratchFolder, report }: BenchmarkContext): Promise<void> {
  const times: number[] = []
  for (let index = 0; index < FSYNC_COUNT; index += 1) {
    const { wallSeconds } = await measure(async () => {
      const file = await open(join(scratchFolder, `fsync-${index}`), 'wx')
      await file.write(Buffer.alloc(4096))
      await file.sync()
      await file.close()
    })
    times.push(wallSeconds * 1000)
  }
  report({ name: 'fsync of a new 4 KB file, p50', value: percentile(times, 0.5), unit: 'ms' })
  report({ name: 'fsync of a new 4 KB file, p99', value: percentile(times, 0.99), unit: 'ms' })
}

async function measureParquet({ scratchFolder, report }: BenchmarkContext): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`create table trades as select i as trade_id,
    (100 + hash(i) % 1000 / 100)::decimal(18, 8) as price, (1 + i % 500)::decimal(28, 8) as quantity
    from range(${PARQUET_ROWS}) rows(i)`)
  const target = join(scratchFolder, 'trades.parquet')
  const sql = `copy (from trades) to '${target}' (format parquet, compression zstd)`
  const { wallSeconds, cpuSeconds } = await measure(() => connection.run(sql))
  report({
    name: 'plain DuckDB, one table to zstd Parquet',
    value: PARQUET_ROWS / wallSeconds,
    unit: 'rows/s',
    facts: { rows: PARQUET_ROWS, cpu_seconds: cpuSeconds },
  })
  connection.closeSync()
  instance.closeSync()
}
