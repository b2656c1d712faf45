import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { IdSource } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { fileNameOf, joinLocation, schemeOf } from '../file-io/location.ts'
import { decodeMetadataBytes, namingFile } from './decode-metadata-bytes.ts'
import { encodeTableMetadata, parseTableMetadata } from '../spec/table-metadata-json.ts'
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
  /** The text in UTF-8. */
  encode(metadata: M): Buffer
}

export interface LoadOptions {
  /** The file is looked for in the store also where memory has what it holds. */
  readonly mustBeThere?: boolean
}

/** Metadata files: written once under a name of their own, never changed, remembered when read. */
export interface MetadataFiles<M extends FiledMetadata = TableMetadata> {
  /**
   * Throws `corrupt-data` where the file is missing or holds something else. A file that is
   * remembered is not asked for, as it never changes, unless `mustBeThere`: other readers open it.
   */
  load(location: string, options?: LoadOptions): Promise<M>
  /**
   * A name for the next metadata file; `previous` is the current one's location. The name says
   * whether it is packed, because that is where other readers look. Throws `invalid-input` where
   * the metadata names a way of packing that is none.
   */
  nextLocation(metadata: M, previous: string | undefined): string
  /** Writes a file; durable on return, and remembered by its location. */
  write(location: string, metadata: M): Promise<void>
  /** Removes files that nothing names. What cannot be removed is left to the orphan removal. */
  remove(locations: readonly string[]): Promise<void>
  /** The folder of the metadata files of a table or a view. */
  folderOf(metadata: M): string
}

/** How the reference names packed files; it and other readers unpack by the name alone. */
const PACKED_ENDING = '.gz.metadata.json'

const pack = promisify(gzip)

/** Files whose metadata is held parsed; the least recently used one goes first. */
const MAX_REMEMBERED = 64

/** The metadata files of tables. */
export function createMetadataFiles(fileIO: FileIO, ids: IdSource): MetadataFiles {
  const format = { parse: parseTableMetadata, encode: encodeTableMetadata }
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
    load: async (location, { mustBeThere = false } = {}) => {
      const known = remembered.get(location)
      const isGood = known !== undefined && (!mustBeThere || (await isThere(fileIO, location)))
      const metadata = isGood ? known : await readMetadata(format, fileIO, location)
      remember(location, metadata)
      return metadata
    },
    nextLocation: (metadata, previous) => {
      const version = previous === undefined ? 0 : versionOf(previous) + 1
      const ending = isPacked(metadata) ? PACKED_ENDING : '.metadata.json'
      const name = `${String(version).padStart(5, '0')}-${ids.uuid()}${ending}`
      return joinLocation(folderOf(metadata), name)
    },
    write: async (location, metadata) => {
      checkStore(fileIO, location)
      const bytes = format.encode(metadata)
      await fileIO.write(location, location.endsWith(PACKED_ENDING) ? await pack(bytes) : bytes)
      remember(location, metadata)
    },
    remove: async (locations) => {
      for (const location of locations) remembered.delete(location)
      await Promise.allSettled(locations.map((location) => fileIO.delete(location)))
    },
    folderOf,
  }
}

async function isThere(fileIO: FileIO, location: string): Promise<boolean> {
  return (await fileIO.stat(location)) !== undefined
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

/**
 * Whether files are packed, by `write.metadata.compression-codec`: `none`, which is the default, or
 * `gzip`. Source: https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
function isPacked({ properties }: FiledMetadata): boolean {
  const codec = properties['write.metadata.compression-codec'] ?? 'none'
  const name = codec.toLowerCase()
  if (name === 'none' || name === 'gzip') return name === 'gzip'
  throw new SluiceError(
    'invalid-input',
    `The property write.metadata.compression-codec is "${codec}". Nothing was committed. Set it ` +
      'to gzip or none.',
  )
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
