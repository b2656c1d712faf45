import { isErrorKind } from '../errors.ts'
import type { FiledMetadata, MetadataFiles } from './metadata-files.ts'

/**
 * The two steps of every change: metadata files that nothing names yet, then `point`, which makes
 * all of them visible or none (false: another writer was faster). Files that stay unnamed are
 * removed, unless it is unknown whether they are.
 */
export async function writeThenPoint<M extends FiledMetadata>(
  files: MetadataFiles<M>,
  staged: readonly { readonly location: string; readonly metadata: M }[],
  point: () => boolean,
): Promise<boolean> {
  const locations = staged.map(({ location }) => location)
  let isVisible = false
  try {
    const writes = staged.map(({ location, metadata }) => files.write(location, metadata))
    // All of them, so that no write is still running when the files are removed.
    const failed = (await Promise.allSettled(writes)).find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    isVisible = point()
  } catch (error) {
    // Only a certain failure leaves files that nothing names.
    if (!isErrorKind(error, 'commit-state-unknown')) await files.remove(locations)
    throw error
  }
  if (!isVisible) await files.remove(locations)
  return isVisible
}
