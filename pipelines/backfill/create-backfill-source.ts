import type { Lake } from '../lake/lake.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { createArchiveSource, type ArchiveSource } from '../sources/archive-source.ts'
import type { ArchiveFormat, NamedMarket } from '../sources/line-framing.ts'

/** Files of a format as a source whose frames lie in the lake's scratch folder. */
export function createBackfillSource(
  {
    lake,
    format,
    market,
  }: { readonly lake: Lake; readonly format: ArchiveFormat; readonly market?: NamedMarket },
  parts: readonly ArchivePart[],
): ArchiveSource {
  const { scratchDir, ids } = lake
  const named = market === undefined ? {} : { market }
  return createArchiveSource({ parts, format, scratchDir, ids, ...named })
}
