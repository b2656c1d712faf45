import { backfill } from '../pipelines/backfill/backfill.ts'
import type { LakeStores } from '../pipelines/lake/lake-stores.ts'
import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import type { ChildSide } from './child.ts'
import { createCutMeter } from './cut-meter.ts'
import type { LoopReport } from './cut-meter.ts'
import { measure } from './process-cost.ts'

export interface TicksTask {
  readonly lakeDirectory: string
  /** Where its tables lie; in its folder where absent. */
  readonly stores?: LakeStores
  readonly format: string
  readonly files: readonly string[]
}

export interface TicksReport extends LoopReport {
  /** Of the whole: naming the files, looking for overlaps, loading. */
  readonly totalSeconds: number
  readonly totalCpuSeconds: number
  /** Until the first batch was loaded from. */
  readonly checkSeconds: number
}

/** Files of history into a new lake, as `sluice backfill` does it. */
export async function runTicksTask(side: ChildSide): Promise<TicksReport> {
  const { lakeDirectory, stores, format, files } = side.task as TicksTask
  const lake = await openLake({
    directory: lakeDirectory,
    clock: systemClock,
    ids: randomIds,
    createIfMissing: true,
    stores,
  })
  const meter = createCutMeter(undefined)
  meter.begin()
  const start = performance.now()
  let checkedAt = start
  try {
    const { wallSeconds, cpuSeconds } = await measure(() =>
      backfill(
        {
          lake,
          format,
          files,
          writer: `bench:${process.pid}`,
          onCut: meter.take,
          onProgress: (phase) => {
            if (phase === 'check') checkedAt = performance.now()
          },
        },
        meter.signal,
      ),
    )
    return {
      ...meter.report(),
      totalSeconds: wallSeconds,
      totalCpuSeconds: cpuSeconds,
      checkSeconds: (checkedAt - start) / 1000,
    }
  } finally {
    await lake.close()
  }
}
