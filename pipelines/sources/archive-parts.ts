import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { openPromise } from 'yauzl'
import { SluiceError } from '../../tables/errors.ts'
import type { SourcePart } from './source.ts'

export type ArchiveKind = 'plain' | 'gzip' | 'zip'

/** One file of lines: a file, what a .gz holds, or an entry of a zip. */
export interface ArchivePart {
  /** Named by its content: the same bytes under another path are the same part. */
  readonly part: SourcePart
  /** Only shown. */
  readonly shownPath: string
  readonly path: string
  readonly kind: ArchiveKind
  /** Name inside the zip, undefined outside one. */
  readonly entry: string | undefined
  /** The file's own name, without its folder and `.gz`, or the entry's. */
  readonly entryName: string
  /** Bytes on disk that reading it goes through. */
  readonly sizeBytes: number
}

/**
 * The parts of some files, in the order given, each content once. Reads every file whole to name it
 * by its SHA-256. Throws invalid-input for what is no file, corrupt-data for a zip that is none.
 */
export async function readArchiveParts(paths: readonly string[]): Promise<ArchivePart[]> {
  const parts = new Map<string, ArchivePart>()
  for (const path of paths) {
    for (const part of await readPartsOf(path)) {
      if (!parts.has(part.part.source)) parts.set(part.part.source, part)
    }
  }
  return [...parts.values()]
}

async function readPartsOf(path: string): Promise<ArchivePart[]> {
  const sizeBytes = await sizeOf(path)
  const kind = await kindOf(path)
  const source = `file:${await sha256Of(path)}:${sizeBytes}`
  if (kind === 'zip') return readZipParts(path, source)
  const entryName = kind === 'gzip' ? basename(path).replace(/\.gz$/i, '') : basename(path)
  return [
    {
      part: { source, partition: 0 },
      shownPath: path,
      path,
      kind,
      entry: undefined,
      entryName,
      sizeBytes,
    },
  ]
}

async function readZipParts(path: string, source: string): Promise<ArchivePart[]> {
  try {
    const zip = await openPromise(path, { autoClose: true })
    const parts: ArchivePart[] = []
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue
      if (entry.isEncrypted()) throw encrypted(path, entry.fileName)
      parts.push({
        part: { source: `${source}:${entry.fileName}`, partition: 0 },
        shownPath: `${path}:${entry.fileName}`,
        path,
        kind: 'zip',
        entry: entry.fileName,
        entryName: entry.fileName,
        sizeBytes: entry.compressedSize,
      })
    }
    return parts
  } catch (error) {
    throw error instanceof SluiceError ? error : corruptFile(path, error)
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path)
    if (found.isFile()) return found.size
  } catch (cause) {
    throw notAFile(path, 'cannot be read', cause)
  }
  throw notAFile(path, 'is not a file', undefined)
}

/** By the first bytes, not by the name. */
async function kindOf(path: string): Promise<ArchiveKind> {
  const handle = await open(path, 'r')
  try {
    const head = Buffer.alloc(4)
    const { bytesRead } = await handle.read(head, 0, 4, 0)
    if (bytesRead >= 2 && head.readUInt16BE(0) === 0x1f8b) return 'gzip'
    const isZip = bytesRead === 4 && head.readUInt16BE(0) === 0x504b
    const mark = head.readUInt16BE(2)
    return isZip && (mark === 0x0304 || mark === 0x0506) ? 'zip' : 'plain'
  } finally {
    await handle.close()
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer)
  }
  return hash.digest('hex')
}

function notAFile(path: string, what: string, cause: unknown): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${path} ${what}. Nothing was read. Give files, plain, .gz or .zip.`,
    { cause, context: { path } },
  )
}

function encrypted(path: string, entry: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `${path} holds ${entry} encrypted. Nothing of the archive was read. Unpack it and give the file.`,
    { context: { path, entry } },
  )
}

/** A file that does not unpack. */
export function corruptFile(shownPath: string, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SluiceError(
    'corrupt-data',
    `${shownPath} cannot be unpacked (${reason}). Reading stopped there. Get the file again and ` +
      'start again.',
    { cause, context: { path: shownPath } },
  )
}
