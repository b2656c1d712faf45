import type { FileIO } from '../file-io/file-io.ts'
import type { ContentFile } from '../spec/manifest.ts'

/** Files fetched at once where the store is not the local disk. */
const FETCH_AT_ONCE = 16

/** A file of a table, and what the engine opens. */
export interface LocatedFile<F extends Sized = ContentFile> {
  readonly location: string
  readonly path: string
  readonly file: F
}

type Sized = Pick<ContentFile, 'filePath' | 'fileSizeBytes'>

/**
 * Where the engine finds the files; those of a store elsewhere are fetched.
 * Throws `corrupt-data` for one that is missing, or of another size than its manifest says.
 */
export async function locateFiles<F extends Sized>(
  files: readonly F[],
  fileIO: FileIO,
): Promise<readonly LocatedFile<F>[]> {
  return fetchEach(files, async (file) => {
    const location = file.filePath
    const path = await fileIO.localPath(location, file.fileSizeBytes)
    return { location, path, file }
  })
}

/** Does the work for each item, a bounded number of them at once; the results in their order. */
export async function fetchEach<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += FETCH_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + FETCH_AT_ONCE).map(work))))
  }
  return results
}
