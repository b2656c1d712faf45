import { commitChange } from '../../../tables/commit/commit-change.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { framedColumns } from '../../../shared-transforms/frame.ts'
import { lakeCommitContext } from '../../lake/lake-commit-context.ts'
import type { Lake } from '../../lake/lake.ts'
import { createFramedTable, frameBatch } from '../../loop/frame-batch.ts'
import { LIVE_COMPRESSION_LEVEL } from '../../loop/loop-context.ts'
import type { StepSession } from '../../loop/step-session.ts'
import { foldProgress } from '../../sources/fold-progress.ts'
import type { BatchLimits, PartProgress, Source } from '../../sources/source.ts'
import type { ScratchRun } from './scratch-run.ts'

/** Short name of the scratch table with the framed messages of a cut. */
export const FRAMED = 'framed'

/** What a cut reads of its source. */
export interface FramedInput {
  readonly messageCount: number
  /** In the order in which the parts were read. */
  readonly progress: readonly PartProgress[]
  /** Nothing comes behind it. */
  readonly isLast: boolean
}

export interface FramingOptions {
  readonly lake: Lake
  readonly session: StepSession
  readonly source: Source
  readonly limits: BatchLimits
  /** Messages after which the cut takes no more. */
  readonly cutRows: number
  readonly ingestedUs: bigint
  readonly run: ScratchRun
  readonly signal: AbortSignal
}

const types: Readonly<Record<string, PrimitiveType>> = {
  source_partition: 'int',
  source_offset: 'long',
  received_ts: 'timestamptz',
  ingested_ts: 'timestamptz',
}

/**
 * Reads messages up to the bound of a cut, frames them as the loop does, and makes a scratch table
 * of them, a file a batch. Memory holds one batch, and the source reads the next one meanwhile.
 */
export async function frameIntoScratch(options: FramingOptions): Promise<FramedInput> {
  const { lake, session, source, limits, signal, run } = options
  const { fileIO, ids, scratchDir, catalog } = lake
  const table = await catalog.createTable(run.identifier(FRAMED), {
    schema: {
      type: 'struct',
      'schema-id': 0,
      fields: [...framedColumns, 'format'].map((name, index) => ({
        id: index + 1,
        name,
        required: false,
        type: types[name] ?? 'string',
      })),
    },
    location: run.location(FRAMED),
    properties: { 'write.parquet.compression-codec': 'zstd' },
  })
  const files: DataFile[] = []
  let progress: readonly PartProgress[] = []
  let messageCount = 0
  let isLast = false
  while (messageCount < options.cutRows && !signal.aborted) {
    const batch = await source.next(limits, signal)
    if (batch === undefined) {
      isLast = true
      break
    }
    const framed = await frameBatch(session, batch, options.ingestedUs)
    const written = await writeDataFiles(
      { session, fileIO, ids, scratchDir },
      table.metadata,
      `SELECT * FROM ${framed}`,
      { compressionLevel: LIVE_COMPRESSION_LEVEL },
    )
    files.push(...written)
    progress = foldProgress(progress, batch.progress)
    messageCount += batch.messageCount
    await source.release(batch)
  }
  await createFramedTable(session)
  await commitChange(lakeCommitContext(lake), table.identifier, {
    identifier: table.identifier,
    operation: 'append',
    addDataFiles: files,
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  })
  return { messageCount, progress, isLast }
}
