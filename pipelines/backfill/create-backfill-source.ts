import type { Lake } from '../lake/lake.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { createPartSource, type ArchiveSource } from '../sources/archive-source.ts'
import type { PartReader } from '../sources/part-reader.ts'

/** Files as a source whose frames lie in the lake's scratch folder. */
export function createBackfillSource(
  { scratchDir, ids }: Lake,
  reader: PartReader,
  parts: readonly ArchivePart[],
): ArchiveSource {
  return createPartSource({ parts, reader, scratchDir, ids })
}
