import { tmpdir } from 'node:os'
import { randomIds } from '../../tables/clock.ts'
import { frameBulkSql } from '../../shared-transforms/frame.ts'
import {
  createFrameWriter,
  type FrameRecord,
  type Frames,
} from '../../pipelines/sources/framing.ts'
import { INGESTED_US } from './decode-messages.ts'
import type { SqlSession } from './sql-session.ts'

/** Frames records of part 0 as a source does, and makes the table `framed` of the bulk lines. */
export async function frameRecords(
  session: SqlSession,
  records: Iterable<FrameRecord>,
  ingestedUs: bigint = INGESTED_US,
): Promise<Frames> {
  const writer = createFrameWriter({ scratchDir: tmpdir(), ids: randomIds })
  for (const record of records) writer.add(0, record)
  const frames = writer.finish()
  const path = frames.bulkFile ?? ''
  const parts = [{ source: `file:it's`, partition: 3 }]
  await session.run(
    `CREATE OR REPLACE TABLE framed AS ${frameBulkSql({ path, parts, ingestedUs })}`,
  )
  return frames
}
