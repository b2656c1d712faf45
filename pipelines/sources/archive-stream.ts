import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { crc32, createGunzip } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { openPromise } from 'yauzl'
import { SluiceError } from '../../tables/errors.ts'
import type { ArchivePart } from './archive-parts.ts'
import { corruptFile } from './archive-parts.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * The unpacked bytes of a part, chunk by chunk; `onRead` hears how many bytes on disk were gone
 * through. Throws corrupt-data where the archive is damaged.
 */
export async function* readArchiveBytes(
  part: ArchivePart,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  try {
    if (part.kind === 'zip') yield* readEntry(part, onRead)
    else if (part.kind === 'gzip') yield* readGzip(part, onRead)
    else yield* readPlain(part, onRead)
  } catch (error) {
    throw error instanceof SluiceError ? error : corruptFile(part.shownPath, error)
  }
}

async function* readPlain(
  part: ArchivePart,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const file = createReadStream(part.path, { highWaterMark: CHUNK_BYTES })
  for await (const chunk of file as AsyncIterable<Buffer>) {
    onRead(chunk.length)
    yield chunk
  }
}

async function* readGzip(
  part: ArchivePart,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const file = createReadStream(part.path, { highWaterMark: CHUNK_BYTES })
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  file.on('data', (chunk) => onRead(chunk.length))
  file.on('error', (error) => gunzip.destroy(error))
  file.pipe(gunzip)
  try {
    yield* gunzip as AsyncIterable<Buffer>
  } finally {
    file.destroy()
    gunzip.destroy()
  }
}

/** An entry of a zip; its CRC is checked at the end, as yauzl leaves that to its caller. */
async function* readEntry(
  part: ArchivePart,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const zip = await openPromise(part.path, { autoClose: false })
  let stream: Readable | undefined
  try {
    const entry = await findEntry(zip, part)
    stream = await zip.openReadStreamPromise(entry)
    let checksum = 0
    let unpacked = 0
    let told = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      checksum = crc32(chunk, checksum)
      unpacked += chunk.length
      const passed = Math.floor((unpacked / entry.uncompressedSize) * part.sizeBytes)
      onRead(passed - told)
      told = passed
      yield chunk
    }
    if (checksum !== entry.crc32) throw new Error('its checksum is wrong')
  } finally {
    stream?.destroy()
    zip.close()
  }
}

async function findEntry(zip: ZipFile, part: ArchivePart): Promise<Entry> {
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName === part.entry) return entry
  }
  throw new Error('the entry is gone: the file changed while it was read')
}
