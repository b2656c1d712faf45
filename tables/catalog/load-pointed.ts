import type { TableIdentifier } from '../spec/table-identifier.ts'
import { isMissingFile } from './catalog-errors.ts'
import type { FiledMetadata, LoadOptions, MetadataFiles } from './metadata-files.ts'
import type { PointerStore } from './pointer-store.ts'

export interface Pointed<M> {
  readonly identifier: TableIdentifier
  readonly metadataLocation: string
  readonly metadata: M
}

/** How often a pointer is looked up again whose metadata file went away meanwhile. */
const MAX_LOAD_ATTEMPTS = 3

/**
 * What a pointer names; undefined where there is none. Throws `corrupt-data` where the file is
 * missing or wrong.
 */
export async function loadPointed<M extends FiledMetadata>(
  pointers: PointerStore,
  files: MetadataFiles<M>,
  identifier: TableIdentifier,
  options: LoadOptions = {},
): Promise<Pointed<M> | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const metadataLocation = pointers.find(identifier)
    if (metadataLocation === undefined) return undefined
    try {
      const metadata = await files.load(metadataLocation, options)
      return { identifier, metadataLocation, metadata }
    } catch (error) {
      // A commit may have moved the pointer and deleted the old file between the two reads.
      const hasMoved = pointers.find(identifier) !== metadataLocation
      if (!isMissingFile(error) || !hasMoved || attempt === MAX_LOAD_ATTEMPTS) throw error
    }
  }
}
