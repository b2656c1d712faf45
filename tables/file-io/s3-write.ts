import { PutObjectCommand } from '@aws-sdk/client-s3'

import { SluiceError } from '../errors.ts'
import { fileExists } from './location.ts'
import type { S3Requests } from './s3-client.ts'
import { isS3Failure, s3Error, s3FailureOf } from './s3-failure.ts'
import type { S3Attempt, S3Failure } from './s3-failure.ts'
import { s3ObjectAt } from './s3-location.ts'
import { readS3Object, statS3Object } from './s3-read.ts'

/** Name of the mark (`x-amz-meta-…`) by which a writer knows its own object again. */
export const WRITE_MARK = 'sluice-write'

/** Creates or replaces an object. Throws as `FileIO.write` does. */
export async function putS3Object(
  requests: S3Requests,
  location: string,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await put(requests, location, bytes, requests.ids.uuid(), {})
  } catch (error) {
    throw writeError(location, error)
  }
}

/**
 * Creates an object where there is none; the store must obey `If-None-Match`. Throws as
 * `FileIO.write` does.
 *
 * A request whose answer was lost may have been carried out: its repetition, by us or by a proxy on
 * the way, then meets our own object and is refused. Each call marks its object with an id of its
 * own, by which it is known again.
 */
export async function createS3Object(
  requests: S3Requests,
  location: string,
  bytes: Uint8Array,
): Promise<void> {
  const mark = requests.ids.uuid()
  let tryCount = 0
  try {
    await put(requests, location, bytes, mark, {
      IfNoneMatch: '*',
      onTry: () => (tryCount += 1),
    })
  } catch (error) {
    if (!isS3Failure(error, 'taken')) throw createError(location, error)
    if (await isOurs(requests, { location, bytes, mark, isRepeated: tryCount > 1 })) return
    throw fileExists(location, error)
  }
}

async function put(
  requests: S3Requests,
  location: string,
  bytes: Uint8Array,
  mark: string,
  how: { readonly IfNoneMatch?: string; readonly onTry?: () => void },
): Promise<void> {
  const { bucket, key } = s3ObjectAt(location)
  const { onTry, ...condition } = how
  const input = {
    Bucket: bucket,
    Key: key,
    Body: bytes,
    Metadata: { [WRITE_MARK]: mark },
    ...condition,
  }
  await requests.send((client) => {
    onTry?.()
    return client.send(new PutObjectCommand(input))
  })
}

interface Creation {
  readonly location: string
  readonly bytes: Uint8Array
  readonly mark: string
  /** Whether we sent the request more than once. */
  readonly isRepeated: boolean
}

async function isOurs(requests: S3Requests, creation: Creation): Promise<boolean> {
  const { location, bytes, mark, isRepeated } = creation
  try {
    const found = await statS3Object(requests, location)
    // It was there a moment ago: somebody has deleted it, whosever it was.
    if (found === undefined) return false
    const foundMark = found.metadata[WRITE_MARK]
    if (foundMark !== undefined) return foundMark === mark
    // A store that keeps no marks is asked for the bytes: equal ones are as good as ours.
    if (!isRepeated || found.sizeBytes !== bytes.length) return false
    return Buffer.compare(await readS3Object(requests, location), bytes) === 0
  } catch (error) {
    throw new SluiceError(
      'storage-unavailable',
      `${location} is there, and the store went away before it said who created it. Nothing was ` +
        'overwritten; read the file once the store is back, and decide again.',
      { cause: error, isRetryable: true, context: { location } },
    )
  }
}

/** What `write` and `adopt` throw. */
export function writeError(location: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  const failure = s3FailureOf(error)
  return s3Error({ location, what: 'could not be written', ...notWritten(failure) }, failure)
}

function createError(location: string, error: unknown): SluiceError {
  const failure = s3FailureOf(error)
  return s3Error({ location, what: 'could not be created', ...notWritten(failure) }, failure)
}

function notWritten({ reason }: S3Failure): Pick<S3Attempt, 'notDone' | 'action'> {
  const notDone = reason === 'passing' ? 'It may or may not be there' : 'It was not written'
  return { notDone, action: 's3:PutObject' }
}
