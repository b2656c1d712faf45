import { createLocalFileIO } from '../tables/file-io/local-file-io.ts'
import { createManifestCache } from '../tables/scan/manifest-cache.ts'
import { planScan } from '../tables/scan/plan-scan.ts'
import { parseTableMetadata } from '../tables/spec/table-metadata-json.ts'
import type { ChildSide } from './child.ts'
import { readProcessCost } from './process-cost.ts'

/** One piece of work in a process that does nothing else. */
export interface MemoryReport {
  /** Files that were planned, or rows that came back. */
  readonly resultCount: number
  /** What Node.js and the loaded code took before the work. */
  readonly rssMbBefore: number
  readonly rssMbPeak: number
}

/** Plans a whole table from its metadata file. */
export interface PlanMemoryTask {
  readonly metadataLocation: string
}

export async function runPlanMemoryTask(side: ChildSide): Promise<MemoryReport> {
  const { metadataLocation } = side.task as PlanMemoryTask
  const { rssMbPeak: rssMbBefore } = readProcessCost()
  const fileIO = createLocalFileIO()
  const text = Buffer.from(await fileIO.read(metadataLocation)).toString('utf8')
  const metadata = parseTableMetadata(text)
  const { tasks } = await planScan({ fileIO, metadata, manifestCache: createManifestCache() })
  return { resultCount: tasks.length, rssMbBefore, rssMbPeak: readProcessCost().rssMbPeak }
}
