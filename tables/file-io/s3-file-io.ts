import { rm } from 'node:fs/promises'

import { DeleteObjectCommand } from '@aws-sdk/client-s3'

import { randomIds, systemClock } from '../clock.ts'
import type { Clock, IdSource } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import type { FileCache } from './file-cache.ts'
import type { FileIO } from './file-io.ts'
import { DEFAULT_RETRY_POLICY } from './retry-with-backoff.ts'
import type { RetryPolicy } from './retry-with-backoff.ts'
import { createS3Requests } from './s3-client.ts'
import type { S3ConnectionOptions, S3Requests } from './s3-client.ts'
import { isS3Failure, s3Error, s3FailureOf } from './s3-failure.ts'
import { listS3Objects } from './s3-list.ts'
import { S3_SCHEMES, s3FolderAt, s3ObjectAt } from './s3-location.ts'
import { probeCreateIfAbsent } from './s3-probe.ts'
import { downloadS3Object, readS3Object, statS3Object } from './s3-read.ts'
import { uploadToS3 } from './s3-upload.ts'
import type { S3MultipartOptions } from './s3-upload.ts'
import { createS3Object, putS3Object } from './s3-write.ts'

export interface S3FileIOOptions extends S3ConnectionOptions {
  /** Keeps what `localPath` gives to the engine, and a copy of what it adopted. */
  readonly cache: FileCache
  /**
   * A folder of this store (the warehouse) below which a scratch object may be made, to ask
   * whether the store obeys `If-None-Match`. Files of other buckets, and all where it is left out,
   * have it beside the first file that is created.
   */
  readonly probeFolder?: string | undefined
  /** What is left out is as in DEFAULT_RETRY_POLICY. */
  readonly retry?: Partial<RetryPolicy> | undefined
  readonly multipart?: S3MultipartOptions | undefined
  readonly clock?: Clock | undefined
  readonly ids?: IdSource | undefined
  /** Waits between two tries; by a timer where it is left out. */
  readonly wait?: ((waitMs: number) => Promise<void>) | undefined
}

export interface S3FileIO extends FileIO {
  /**
   * Asks now, and not at the first file, whether the store of a folder creates files only where
   * there is none; `capabilities` tells it from then on. Asked once per bucket.
   */
  probe(folder: string): Promise<boolean>
  /** Streams a file into a local one, which is replaced. Throws as `localPath` does. */
  download(location: string, targetPath: string): Promise<void>
  /** Closes its connections; nothing may be called afterwards. */
  close(): void
}

/**
 * Files in an S3 store (`s3://bucket/key`, and `s3a:`, `s3n:` as Hadoop's clients write them).
 * Whatever returns is in the store. A request that fails in passing is repeated with growing
 * waits; what it then throws is retryable, and says where a file may be there all the same.
 *
 * @throws SluiceError `invalid-input` for an endpoint that is no plain address.
 */
export function createS3FileIO(options: S3FileIOOptions): S3FileIO {
  const { cache, clock = systemClock, ids = randomIds, wait } = options
  const policy = { ...DEFAULT_RETRY_POLICY, ...options.retry }
  const retry = { policy, clock, ids, ...(wait === undefined ? {} : { wait }) }
  const requests = createS3Requests(options, retry)
  const probes = createProbes(requests)

  return {
    schemes: S3_SCHEMES,
    capabilities: {
      get createIfAbsent() {
        return !probes.hasDenial()
      },
    },
    read: (location, range) => readS3Object(requests, location, range),
    write: async (location, bytes, { ifAbsent = false } = {}) => {
      if (!ifAbsent) {
        await putS3Object(requests, location, bytes)
        return cache.drop(location)
      }
      if (!(await probes.ask(probeFolderOf(location, options)))) throw cannotCreate(location)
      return createS3Object(requests, location, bytes)
    },
    adopt: async (path, location) => {
      const uploaded = await uploadToS3(requests, path, location, options.multipart)
      // The file is in the store: that its copy cannot be kept is no failure.
      await cache.keep(location, path).catch(() => rm(path, { force: true }))
      return uploaded
    },
    delete: async (location) => {
      await deleteObject(requests, location)
      await cache.drop(location)
    },
    stat: async (location) => {
      const found = await statS3Object(requests, location)
      if (found === undefined) return undefined
      return { location, sizeBytes: found.sizeBytes, modifiedMs: found.modifiedMs }
    },
    list: (prefix) => listS3Objects(requests, prefix),
    localPath: (location, sizeBytes) => {
      const fetch = (target: string) => downloadS3Object(requests, location, target)
      return cache.path(location, fetch, sizeBytes)
    },
    probe: (folder) => probes.ask(folder),
    download: (location, target) => downloadS3Object(requests, location, target),
    close: () => requests.close(),
  }
}

interface Probes {
  /** What the store of this folder's bucket can do; asked once. */
  ask(folder: string): Promise<boolean>
  /** True once a store has shown that it cannot. */
  hasDenial(): boolean
}

function createProbes(requests: S3Requests): Probes {
  const answers = new Map<string, Promise<boolean>>()
  let hasDenial = false

  async function probe(folder: string): Promise<boolean> {
    try {
      const isObeyed = await probeCreateIfAbsent(requests, s3FolderAt(folder))
      hasDenial ||= !isObeyed
      return isObeyed
    } catch (error) {
      const what = 'could not be asked whether it obeys If-None-Match'
      const [notDone, action] = ['Nothing was created', 's3:PutObject'] as const
      throw s3Error({ location: folder, what, notDone, action }, s3FailureOf(error))
    }
  }

  return {
    ask: async (folder) => {
      const { bucket } = s3FolderAt(folder)
      const known = answers.get(bucket)
      if (known !== undefined) return known
      const answer = probe(folder)
      answers.set(bucket, answer)
      // A store that was away is asked again.
      answer.catch(() => answers.delete(bucket))
      return answer
    },
    hasDenial: () => hasDenial,
  }
}

function probeFolderOf(location: string, { probeFolder }: S3FileIOOptions): string {
  const { bucket } = s3ObjectAt(location)
  if (probeFolder !== undefined && s3FolderAt(probeFolder).bucket === bucket) return probeFolder
  return location.slice(0, location.lastIndexOf('/'))
}

async function deleteObject(requests: S3Requests, location: string): Promise<void> {
  const { bucket, key } = s3ObjectAt(location)
  try {
    await requests.send((client) =>
      client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
    )
  } catch (error) {
    if (isS3Failure(error, 'missing-object')) return
    const notDone = 'It may still be there'
    const [what, action] = ['could not be deleted', 's3:DeleteObject'] as const
    throw s3Error({ location, what, notDone, action }, s3FailureOf(error))
  }
}

function cannotCreate(location: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `${location} was not created: its store does not obey If-None-Match, so that two writers ` +
      'could both believe to be first. Nothing was written; use a store that obeys it (MinIO, AWS).',
    { context: { location } },
  )
}
