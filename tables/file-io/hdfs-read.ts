import { type FileHandle, open } from 'node:fs/promises'

import { SluiceError } from '../errors.ts'
import { systemCode } from './durable-file.ts'
import { hdfsError } from './hdfs-error.ts'
import { askStatus, type HdfsRequests } from './hdfs-requests.ts'
import { missingFile, shortFile } from './location.ts'
import type { AvoidedDataNodes } from './webhdfs-client.ts'
import { isHdfsMissing, WebHdfsFailure } from './webhdfs-failure.ts'

export interface HdfsRange {
  readonly offset: number
  readonly length: number
}

/**
 * The file, or exactly the asked range of it. How many bytes must come is asked of the NameNode
 * first: what comes has no other mark of being whole than the server's word.
 * Throws as `FileIO.read` does.
 */
export async function readHdfsFile(
  requests: HdfsRequests,
  location: string,
  range?: HdfsRange,
): Promise<Uint8Array> {
  return reading(requests, location, async (path, avoided) => {
    const sizeBytes = await sizeOf(requests, location, path)
    const wanted = range ?? { offset: 0, length: sizeBytes }
    const end = wanted.offset + wanted.length
    if (end > sizeBytes) throw shortFile(location, end, sizeBytes)
    const bytes = new Uint8Array(wanted.length)
    await receive(requests, path, wanted, avoided, (chunk, filled) => {
      bytes.set(chunk, filled)
      return Promise.resolve()
    })
    return bytes
  })
}

/**
 * Streams the file into a local one, which is replaced. Throws as `FileIO.localPath` does; the
 * local file is then worth nothing.
 */
export async function downloadHdfsFile(
  requests: HdfsRequests,
  location: string,
  targetPath: string,
): Promise<void> {
  await reading(requests, location, async (path, avoided) => {
    const sizeBytes = await sizeOf(requests, location, path)
    const target = await openTarget(location, targetPath)
    try {
      const wanted = { offset: 0, length: sizeBytes }
      await receive(requests, path, wanted, avoided, (chunk, filled) =>
        writeChunk(location, target, chunk, filled),
      )
    } finally {
      await target.close()
    }
  })
}

async function reading<T>(
  requests: HdfsRequests,
  location: string,
  attempt: (path: string, avoided: AvoidedDataNodes) => Promise<T>,
): Promise<T> {
  const path = requests.pathOf(location)
  try {
    return await requests.send((avoided) => attempt(path, avoided))
  } catch (error) {
    if (isHdfsMissing(error)) throw missingFile(location, error)
    throw hdfsError(location, 'could not be read', 'Nothing was returned', error)
  }
}

async function sizeOf(requests: HdfsRequests, location: string, path: string): Promise<number> {
  const status = await askStatus(requests.client, path)
  if (status?.isFile !== true) throw missingFile(location)
  return status.sizeBytes
}

/** Hands on exactly the wanted bytes, in order, or throws a failure that may pass. */
async function receive(
  requests: HdfsRequests,
  path: string,
  { offset, length }: HdfsRange,
  avoided: AvoidedDataNodes,
  take: (chunk: Uint8Array, filled: number) => Promise<void>,
): Promise<void> {
  // HDFS refuses to open a file at its very end.
  if (length === 0) return
  let filled = 0
  for await (const chunk of await requests.client.open(path, { offset, length }, avoided)) {
    if (filled + chunk.length > length) throw wrongLength('more', length)
    await take(chunk, filled)
    filled += chunk.length
  }
  if (filled < length) throw wrongLength(`${filled}`, length)
}

/** The answer was cut, or the file replaced while it was read: a new try sees which. */
function wrongLength(came: string, wanted: number): WebHdfsFailure {
  return new WebHdfsFailure({
    server: 'datanode',
    host: 'of the file',
    reason: 'WrongLength',
    detail: `${came} bytes came of ${wanted}`,
  })
}

async function openTarget(location: string, targetPath: string): Promise<FileHandle> {
  try {
    return await open(targetPath, 'w')
  } catch (error) {
    throw localError(location, error)
  }
}

async function writeChunk(
  location: string,
  target: FileHandle,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await target.write(chunk, done, chunk.length - done, position + done)
      done += bytesWritten
    }
  } catch (error) {
    throw localError(location, error)
  }
}

function localError(location: string, error: unknown): SluiceError {
  return new SluiceError(
    'storage-unavailable',
    `The local copy of ${location} could not be written (${systemCode(error) ?? String(error)}). ` +
      'Nothing was returned; check the disk of the folder of copies and its permissions.',
    { cause: error, isRetryable: true, context: { location } },
  )
}
