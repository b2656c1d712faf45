import type { Lake } from '../lake/lake.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { createArchiveSource, type ArchiveSource } from '../sources/archive-source.ts'
import type { ArchiveFormat } from '../sources/line-framing.ts'

/** Files of a format as a source whose frames lie in the lake's scratch folder. */
export function createBackfillSource(
  { lake, format }: { readonly lake: Lake; readonly format: ArchiveFormat },
  parts: readonly ArchivePart[],
): ArchiveSource {
  return createArchiveSource({ parts, format, scratchDir: lake.scratchDir, ids: lake.ids })
}
