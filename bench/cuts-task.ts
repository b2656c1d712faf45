import type { ChildSide } from './child.ts'
import { openLakeOfCuts } from './lake-of-cuts.ts'
import { readProcessCost } from './process-cost.ts'

/** Many cuts in one process; at each mark so many of them are measured. */
export interface CutsTask {
  readonly lakeDirectory: string
  /** Cuts of another lake that come first, so that the first mark meets compiled code too. */
  readonly warmCount: number
  /** Ascending: `mark` cuts are there before the measured ones. */
  readonly marks: readonly { readonly mark: number; readonly measuredCount: number }[]
}

/** What commits cost from a mark on. */
export interface CutsAtMark {
  readonly mark: number
  readonly wallMs: readonly number[]
  /** All threads of the process, a cut. */
  readonly cpuMs: readonly number[]
  /** Snapshots of the tables at the mark, of the one that has most. */
  readonly snapshotCountMax: number
  /** The most memory that the process held until here. */
  readonly rssMbPeak: number
}

export async function runCutsTask(side: ChildSide): Promise<readonly CutsAtMark[]> {
  const { lakeDirectory, marks, warmCount } = side.task as CutsTask
  const warm = await openLakeOfCuts(`${lakeDirectory}-warm`)
  await warm.skipTo(warmCount)
  await warm.close()
  const cuts = await openLakeOfCuts(lakeDirectory)
  const results: CutsAtMark[] = []
  try {
    for (const { mark, measuredCount } of marks) {
      await cuts.skipTo(mark)
      const wallMs: number[] = []
      const cpuMs: number[] = []
      for (let index = 0; index < measuredCount; index += 1) {
        const { wallSeconds, cpuSeconds } = await cuts.commitNext()
        wallMs.push(wallSeconds * 1000)
        cpuMs.push(cpuSeconds * 1000)
      }
      const { rssMbPeak } = readProcessCost()
      const snapshotCountMax = cuts.snapshotCountMax()
      results.push({ mark, wallMs, cpuMs, snapshotCountMax, rssMbPeak })
    }
  } finally {
    await cuts.close()
  }
  return results
}
