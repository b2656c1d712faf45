import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { CompletedPart } from '@aws-sdk/client-s3'

import { SluiceError } from '../errors.ts'
import { systemCode } from './durable-file.ts'
import { locationOfPath } from './local-location.ts'
import { missingFile } from './location.ts'
import type { S3Requests } from './s3-client.ts'
import { S3Failure, isS3Failure } from './s3-failure.ts'
import { s3ObjectAt } from './s3-location.ts'
import { statS3Object } from './s3-read.ts'
import { WRITE_MARK, putS3Object, writeError } from './s3-write.ts'

/** When and how a file is sent in parts. */
export interface S3MultipartOptions {
  /** Files up to this size are sent in one request, from memory. Default 64 MiB. */
  readonly thresholdBytes?: number
  /** At least 5 MiB, the least that stores take. Default 16 MiB; more for files over 160 GB. */
  readonly partBytes?: number
  /** Parts of one file under way at once, each in memory. Default 3. */
  readonly partsAtOnce?: number
}

const MIB = 1024 * 1024
const PARTS_MAX = 10_000

/** Sends a local file, which stays, and returns once the store has all of it. */
export async function uploadToS3(
  requests: S3Requests,
  localPath: string,
  location: string,
  options: S3MultipartOptions = {},
): Promise<{ readonly sizeBytes: number }> {
  s3ObjectAt(location)
  const file = await openSource(localPath)
  try {
    const sizeBytes = (await file.stat()).size
    if (sizeBytes <= (options.thresholdBytes ?? 64 * MIB)) {
      await putS3Object(requests, location, await readPart(file, location, 0, sizeBytes))
    } else {
      await uploadInParts(requests, { file, sizeBytes, location }, options)
    }
    return { sizeBytes }
  } finally {
    await file.close()
  }
}

interface Source {
  readonly file: FileHandle
  readonly sizeBytes: number
  readonly location: string
}

interface Upload {
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string
}

async function uploadInParts(
  requests: S3Requests,
  source: Source,
  options: S3MultipartOptions,
): Promise<void> {
  const { bucket, key } = s3ObjectAt(source.location)
  const mark = requests.ids.uuid()
  const name = { Bucket: bucket, Key: key }
  let upload: Upload | undefined
  try {
    const { UploadId } = await requests.send((client) =>
      client.send(
        new CreateMultipartUploadCommand({
          ...name,
          ChecksumAlgorithm: 'CRC32',
          Metadata: { [WRITE_MARK]: mark },
        }),
      ),
    )
    if (UploadId === undefined) throw new S3Failure('refused', 'NoUploadId')
    upload = { ...name, UploadId }
    const parts = await sendParts(requests, source, upload, options)
    await complete(requests, source, upload, parts, mark)
  } catch (error) {
    if (upload !== undefined) await abort(requests, upload)
    throw writeError(source.location, error)
  }
}

/** All parts in order. Returns or throws only when none is under way any more. */
async function sendParts(
  requests: S3Requests,
  source: Source,
  upload: Upload,
  options: S3MultipartOptions,
): Promise<readonly CompletedPart[]> {
  const { sizeBytes } = source
  const partBytes = Math.max(options.partBytes ?? 16 * MIB, Math.ceil(sizeBytes / PARTS_MAX))
  const partCount = Math.ceil(sizeBytes / partBytes)
  const parts: CompletedPart[] = []
  let nextIndex = 0
  let hasFailed = false
  const work = async (): Promise<void> => {
    while (nextIndex < partCount && !hasFailed) {
      const index = nextIndex
      nextIndex += 1
      const offset = index * partBytes
      const length = Math.min(partBytes, sizeBytes - offset)
      try {
        const bytes = await readPart(source.file, source.location, offset, length)
        parts[index] = await sendPart(requests, upload, index + 1, bytes)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: options.partsAtOnce ?? 3 }, work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw writeError(source.location, failed.reason)
  return parts
}

async function sendPart(
  requests: S3Requests,
  upload: Upload,
  PartNumber: number,
  Body: Uint8Array,
): Promise<CompletedPart> {
  const input = { ...upload, PartNumber, Body, ChecksumAlgorithm: 'CRC32' as const }
  const { ETag, ChecksumCRC32 } = await requests.send((client) =>
    client.send(new UploadPartCommand(input)),
  )
  return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
}

/**
 * Makes the object of its parts and looks whether it has the size. Where the answer was lost, the
 * repetition finds no upload any more: then the object with our mark says that it is done.
 */
async function complete(
  requests: S3Requests,
  { location, sizeBytes }: Source,
  upload: Upload,
  parts: readonly CompletedPart[],
  mark: string,
): Promise<void> {
  const input = { ...upload, MultipartUpload: { Parts: [...parts] } }
  let lost: S3Failure | undefined
  try {
    await requests.send((client) => client.send(new CompleteMultipartUploadCommand(input)))
  } catch (error) {
    if (!isS3Failure(error, 'missing-upload')) throw error
    lost = error
  }
  const found = await statS3Object(requests, location)
  if (lost !== undefined && found?.metadata[WRITE_MARK] !== mark) throw lost
  if (found?.sizeBytes === sizeBytes) return
  throw new SluiceError(
    'storage-unavailable',
    `${location} has ${found?.sizeBytes ?? 0} bytes in the store, ${sizeBytes} were sent. ` +
      'The file here was kept and must not be named by a table; try again.',
    { isRetryable: true, context: { location } },
  )
}

/** Parts of an upload that nobody ends cost space and are not listed. */
async function abort(requests: S3Requests, upload: Upload): Promise<void> {
  try {
    await requests.send((client) => client.send(new AbortMultipartUploadCommand(upload)))
  } catch {
    // The first error says what went wrong. A store removes uploads of its own accord by a rule
    // for them, which MinIO has from the start (24 hours).
  }
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw missingFile(locationOfPath(path), error)
    throw unreadable(path, error)
  }
}

async function readPart(
  file: FileHandle,
  location: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file
      .read(bytes, filled, length - filled, offset + filled)
      .catch((error: unknown) => {
        throw unreadable(location, error)
      })
    if (bytesRead === 0) throw unreadable(location, new Error('it became shorter'))
    filled += bytesRead
  }
  return bytes
}

function unreadable(what: string, error: unknown): SluiceError {
  return new SluiceError(
    'storage-unavailable',
    `The local file for ${what} could not be read (${systemCode(error) ?? String(error)}). ` +
      'Nothing was written to the store; check the disk of the scratch folder.',
    { cause: error, isRetryable: true },
  )
}
