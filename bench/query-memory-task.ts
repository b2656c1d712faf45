import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { createEngine } from '../tables/engine/engine.ts'
import { toResultValue } from '../tables/engine/result-value.ts'
import { createLakeQuery } from '../tables/query/lake-query.ts'
import { tableId } from '../tables/spec/table-identifier.ts'
import type { ChildSide } from './child.ts'
import type { MemoryReport } from './plan-memory-task.ts'
import { readProcessCost } from './process-cost.ts'

/** One statement over a lake, or by the engine alone. */
export type QueryMemoryTask =
  | { readonly kind: 'lake'; readonly lakeDirectory: string; readonly sql: string }
  | { readonly kind: 'plain'; readonly scratchDir: string; readonly sql: string }

export async function runQueryMemoryTask(side: ChildSide): Promise<MemoryReport> {
  const task = side.task as QueryMemoryTask
  const { rssMbPeak: rssMbBefore } = readProcessCost()
  const resultCount =
    task.kind === 'lake'
      ? await queryLake(task.lakeDirectory, task.sql)
      : await queryPlainly(task.scratchDir, task.sql)
  return { resultCount, rssMbBefore, rssMbPeak: readProcessCost().rssMbPeak }
}

async function queryLake(directory: string, sql: string): Promise<number> {
  const lake = await openLake({
    directory,
    clock: systemClock,
    ids: randomIds,
    createIfMissing: false,
  })
  try {
    const lakeQuery = createLakeQuery({ ...lake, cutsTable: tableId('sluice.cuts') })
    return await countRows((await lakeQuery.query(sql)).rows)
  } finally {
    await lake.close()
  }
}

async function queryPlainly(scratchDir: string, sql: string): Promise<number> {
  const engine = await createEngine({ scratchDir })
  const session = await engine.connect()
  try {
    const { blocks } = await session.stream(sql, toResultValue)
    let count = 0
    for await (const block of blocks) count += block.length
    return count
  } finally {
    session.close()
    await engine.close()
  }
}

async function countRows(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const row of rows) count += row === undefined ? 0 : 1
  return count
}
