import { fileRangeOf, isDisjoint } from '../sources/file-range.ts'
import { isFilePart, partKey, type MicroBatch } from '../sources/source.ts'
import { headOf, type LoopContext } from './loop-context.ts'
import { readFileRanges } from './read-file-ranges.ts'

/**
 * Whether another writer took rows of this batch's parts meanwhile: then the batch would be there
 * twice. A zombie and a second copy hear it so; a batch that only met the cut of a replay goes on.
 * @param after the lake as it was read after the conflict
 */
export async function hasLostItsPlace(after: LoopContext, batch: MicroBatch): Promise<boolean> {
  const { state, options, session, heads } = after
  const unknown: ReturnType<typeof fileRangeOf>[] = []
  for (const { part, startOffset } of batch.progress) {
    const committed = state.parts.get(partKey(part))
    if (committed !== undefined && committed.endOffset !== startOffset) return true
    if (committed === undefined && isFilePart(part)) unknown.push(fileRangeOf(part.source))
  }
  // A file that another read whole is no state any more, but a row of sluice.cuts; and what another
  // read of it may go by other days than ours.
  const cuts = headOf(heads, 'sluice.cuts')
  const files = [...new Set(unknown.map(({ file }) => file))]
  const known = await readFileRanges(options.lake, session, cuts, files)
  return unknown.some(({ file, range }) =>
    (known.get(file) ?? []).some((other) => !isDisjoint(range, other.range)),
  )
}
