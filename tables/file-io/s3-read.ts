import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

import { GetObjectCommand, HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'

import { SluiceError } from '../errors.ts'
import { systemCode } from './durable-file.ts'
import type { FileStat } from './file-io.ts'
import { missingFile, shortFile } from './location.ts'
import type { S3Requests } from './s3-client.ts'
import { S3Failure, isS3Failure, s3Error, s3FailureOf } from './s3-failure.ts'
import { s3ObjectAt } from './s3-location.ts'

export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** What a store says of an object without its bytes. */
export interface S3ObjectFacts extends FileStat {
  readonly etag: string | undefined
  /** Names and values that its writer gave it. */
  readonly metadata: Readonly<Record<string, string>>
}

interface Piece {
  readonly bytes: Uint8Array
  /** Size of the whole object. */
  readonly sizeBytes: number
  readonly etag: string | undefined
}

const DOWNLOAD_PIECE_BYTES = 8 * 1024 * 1024
const DOWNLOAD_PIECES_AT_ONCE = 4

/** The object, or exactly the asked range of it: never fewer bytes. Throws as `FileIO.read` does. */
export async function readS3Object(
  requests: S3Requests,
  location: string,
  range?: ByteRange,
): Promise<Uint8Array> {
  if (range?.length === 0) return readNothing(requests, location, range.offset)
  try {
    const { bytes, sizeBytes } = await fetchPiece(requests, location, range)
    if (range === undefined || bytes.length === range.length) return bytes
    throw shortFile(location, range.offset + range.length, sizeBytes)
  } catch (error) {
    if (range !== undefined && isS3Failure(error, 'past-the-end')) {
      const sizeBytes = (await statS3Object(requests, location))?.sizeBytes ?? 0
      throw shortFile(location, range.offset + range.length, sizeBytes)
    }
    throw readError(location, error)
  }
}

/** HTTP has no range of nothing; what a range of nothing promises is checked all the same. */
async function readNothing(
  requests: S3Requests,
  location: string,
  offset: number,
): Promise<Uint8Array> {
  const found = await statS3Object(requests, location)
  if (found === undefined) throw missingFile(location)
  if (offset > found.sizeBytes) throw shortFile(location, offset, found.sizeBytes)
  return new Uint8Array()
}

/** Size, time and marks of an object; undefined where it is missing. */
export async function statS3Object(
  requests: S3Requests,
  location: string,
): Promise<S3ObjectFacts | undefined> {
  const { bucket, key } = s3ObjectAt(location)
  try {
    const found = await requests.send((client) =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
    )
    return {
      location,
      sizeBytes: found.ContentLength ?? 0,
      modifiedMs: found.LastModified?.getTime() ?? 0,
      etag: found.ETag,
      metadata: found.Metadata ?? {},
    }
  } catch (error) {
    if (!isS3Failure(error, 'missing-object')) throw readError(location, error)
    await checkBucket(requests, location)
    return undefined
  }
}

/** The answer to HEAD has no body, so that a missing bucket looks like a missing object. */
async function checkBucket(requests: S3Requests, location: string): Promise<void> {
  const { bucket } = s3ObjectAt(location)
  try {
    await requests.send((client) => client.send(new HeadBucketCommand({ Bucket: bucket })))
  } catch (error) {
    // Some policies let objects be read and not the bucket looked at: then it is there.
    if (isS3Failure(error, 'refused-access')) return
    if (!isS3Failure(error, 'missing-object')) throw readError(location, error)
    throw readError(location, new S3Failure('missing-bucket', 'NoSuchBucket'))
  }
}

/**
 * Writes an object into a local file, piece by piece and several at once, all of them of one
 * version of the object. What was in the file is replaced. Throws as `FileIO.localPath` does; the
 * file is then worth nothing.
 */
export async function downloadS3Object(
  requests: S3Requests,
  location: string,
  targetPath: string,
): Promise<void> {
  const first = await firstPiece(requests, location)
  const file = await open(targetPath, 'w').catch((error: unknown) => {
    throw localError(location, error)
  })
  try {
    await writePiece(file, location, first.bytes, 0)
    await fetchOthers(requests, location, file, first)
  } finally {
    await file.close()
  }
}

async function firstPiece(requests: S3Requests, location: string): Promise<Piece> {
  try {
    return await fetchPiece(requests, location, { offset: 0, length: DOWNLOAD_PIECE_BYTES })
  } catch (error) {
    // An empty object has no first byte that a range could begin with.
    if (!isS3Failure(error, 'past-the-end')) throw readError(location, error)
    return { bytes: await readS3Object(requests, location), sizeBytes: 0, etag: undefined }
  }
}

async function fetchOthers(
  requests: S3Requests,
  location: string,
  file: FileHandle,
  first: Piece,
): Promise<void> {
  let nextOffset = first.bytes.length
  const work = async (): Promise<void> => {
    while (nextOffset < first.sizeBytes) {
      const offset = nextOffset
      const length = Math.min(DOWNLOAD_PIECE_BYTES, first.sizeBytes - offset)
      nextOffset += length
      const piece = await fetchPiece(requests, location, { offset, length }, first.etag)
      if (piece.bytes.length !== length) throw shortFile(location, offset + length, piece.sizeBytes)
      await writePiece(file, location, piece.bytes, offset)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: DOWNLOAD_PIECES_AT_ONCE }, work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw readError(location, failed.reason)
}

async function writePiece(
  file: FileHandle,
  location: string,
  bytes: Uint8Array,
  offset: number,
): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
      done += bytesWritten
    }
  } catch (error) {
    throw localError(location, error)
  }
}

/** Up to `length` bytes from `offset`, or all. Throws S3Failure. */
async function fetchPiece(
  requests: S3Requests,
  location: string,
  range: ByteRange | undefined,
  etag?: string,
): Promise<Piece> {
  const { bucket, key } = s3ObjectAt(location)
  const input = {
    Bucket: bucket,
    Key: key,
    ...(range === undefined ? {} : { Range: rangeHeader(range) }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  }
  return requests.send(async (client) => {
    const answer = await client.send(new GetObjectCommand(input))
    const { firstByte, length, sizeBytes } = extentOf(answer)
    const bytes = await readBody(answer, length)
    return { bytes: cut(bytes, firstByte, range), sizeBytes, etag: answer.ETag }
  })
}

/** The asked range of what came: stores that know no ranges send all of an object. */
function cut(bytes: Uint8Array, firstByte: number, range: ByteRange | undefined): Uint8Array {
  const { offset, length } = range ?? { offset: 0, length: bytes.length }
  if (firstByte === offset && bytes.length <= length) return bytes
  if (firstByte !== 0) throw new S3Failure('passing', 'OtherRange')
  return bytes.slice(offset, offset + length)
}

function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${offset + length - 1}`
}

/** Which bytes an answer says that it holds. */
function extentOf(answer: GetObjectCommandOutput): {
  readonly firstByte: number
  readonly length: number
  readonly sizeBytes: number
} {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.ContentRange ?? '')
  if (match !== null) {
    const [firstByte = 0, lastByte = 0, sizeBytes = 0] = match.slice(1).map(Number)
    return { firstByte, length: lastByte - firstByte + 1, sizeBytes }
  }
  const length = answer.ContentLength
  // Without a length a body that broke off would look whole.
  if (length === undefined) throw new S3Failure('refused', 'NoContentLength')
  return { firstByte: 0, length, sizeBytes: length }
}

async function readBody(answer: GetObjectCommandOutput, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let filled = 0
  try {
    // The SDK gives a Node.js stream where it runs in Node.js.
    for await (const chunk of (answer.Body ?? []) as AsyncIterable<Uint8Array>) {
      if (filled + chunk.length > length) throw new S3Failure('passing', 'BodyTooLong')
      bytes.set(chunk, filled)
      filled += chunk.length
    }
  } catch (error) {
    throw s3FailureOf(error)
  }
  if (filled < length) throw new S3Failure('passing', 'BodyTooShort')
  return bytes
}

function readError(location: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  const failure = s3FailureOf(error)
  if (failure.reason === 'missing-object') return missingFile(location, failure)
  const [what, notDone] = ['could not be read', 'Nothing was returned']
  return s3Error({ location, what, notDone, action: 's3:GetObject' }, failure)
}

function localError(location: string, error: unknown): SluiceError {
  return new SluiceError(
    'storage-unavailable',
    `The local copy of ${location} could not be written (${systemCode(error) ?? String(error)}). ` +
      'Nothing was returned; check the disk of the scratch folder and its permissions.',
    { cause: error, isRetryable: true, context: { location } },
  )
}
