import type { IdSource } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { fileNameOf, joinLocation, schemeOf } from '../file-io/location.ts'
import { decodeMetadataBytes, namingFile } from './decode-metadata-bytes.ts'
import { parseTableMetadata, serializeTableMetadata } from '../spec/table-metadata-json.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/** What the metadata of tables and of views have in common. */
export interface FiledMetadata {
  readonly location: string
  readonly properties: Readonly<Record<string, string>>
}

/** How one sort of metadata is a file's text. */
export interface MetadataFormat<M extends FiledMetadata> {
  /** Throws `corrupt-data`. */
  parse(text: string): M
  serialize(metadata: M): string
}

/** Metadata files: written once under a name of their own, never changed, remembered when read. */
export interface MetadataFiles<M extends FiledMetadata = TableMetadata> {
  /** Throws `corrupt-data` where the file is missing or holds something else. */
  load(location: string): Promise<M>
  /** A name for the next metadata file; `previous` is the current one's location. */
  nextLocation(metadata: M, previous: string | undefined): string
  /** Writes a file; durable on return, and remembered by its location. */
  write(location: string, metadata: M): Promise<void>
  /** Removes files that nothing names. What cannot be removed is left to the orphan removal. */
  remove(locations: readonly string[]): Promise<void>
  /** The folder of the metadata files of a table or a view. */
  folderOf(metadata: M): string
}

/** Files whose metadata is held parsed; the least recently used one goes first. */
const MAX_REMEMBERED = 64

/** The metadata files of tables. */
export function createMetadataFiles(fileIO: FileIO, ids: IdSource): MetadataFiles {
  const format = { parse: parseTableMetadata, serialize: serializeTableMetadata }
  return createMetadataFilesOf(format, fileIO, ids)
}

/** The metadata files of one sort. */
export function createMetadataFilesOf<M extends FiledMetadata>(
  format: MetadataFormat<M>,
  fileIO: FileIO,
  ids: IdSource,
): MetadataFiles<M> {
  const remembered = new Map<string, M>()

  function remember(location: string, metadata: M): void {
    remembered.delete(location)
    remembered.set(location, metadata)
    const oldest = remembered.keys().next().value
    if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
  }

  return {
    load: async (location) => {
      // A file that somebody deleted is gone for every other reader: memory must not hide it.
      const isThere = remembered.has(location) && (await fileIO.stat(location)) !== undefined
      const known = isThere ? remembered.get(location) : undefined
      const metadata = known ?? (await readMetadata(format, fileIO, location))
      remember(location, metadata)
      return metadata
    },
    nextLocation: (metadata, previous) => {
      const version = previous === undefined ? 0 : versionOf(previous) + 1
      const name = `${String(version).padStart(5, '0')}-${ids.uuid()}.metadata.json`
      return joinLocation(folderOf(metadata), name)
    },
    write: async (location, metadata) => {
      checkStore(fileIO, location)
      await fileIO.write(location, new TextEncoder().encode(format.serialize(metadata)))
      remember(location, metadata)
    },
    remove: async (locations) => {
      for (const location of locations) remembered.delete(location)
      await Promise.allSettled(locations.map((location) => fileIO.delete(location)))
    },
    folderOf,
  }
}

async function readMetadata<M extends FiledMetadata>(
  format: MetadataFormat<M>,
  fileIO: FileIO,
  location: string,
): Promise<M> {
  checkStore(fileIO, location)
  const text = await decodeMetadataBytes(location, await fileIO.read(location))
  return namingFile(location, () => format.parse(text))
}

function folderOf(metadata: FiledMetadata): string {
  return metadata.properties['write.metadata.path'] ?? joinLocation(metadata.location, 'metadata')
}

/** The number at the start of a metadata file's name (`00012-….metadata.json`); -1 without one. */
function versionOf(location: string): number {
  const digits = /^v?(\d{1,15})[-.]/.exec(fileNameOf(location))?.[1]
  return digits === undefined ? -1 : Number(digits)
}

function checkStore(fileIO: FileIO, location: string): void {
  if (fileIO.schemes.includes(schemeOf(location))) return
  throw new SluiceError(
    'unsupported',
    `This catalog keeps its tables in ${fileIO.schemes.join(':, ')}: locations, not in ${location}. ` +
      'Nothing was read or written; use a location of that store.',
    { context: { location } },
  )
}
