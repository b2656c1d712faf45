import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Account } from '../../stack/start-s3-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createFileCache } from '../../tables/file-io/file-cache.ts'
import { createS3FileIO } from '../../tables/file-io/s3-file-io.ts'
import type { S3FileIO, S3FileIOOptions } from '../../tables/file-io/s3-file-io.ts'
import { askSharedServer } from './ask-shared-server.ts'

/** The S3 server that all suites of this run share; started on first use. */
export async function sharedS3(name: 'minio' | 'versitygw'): Promise<S3Account> {
  return askSharedServer<S3Account>(name)
}

/** Makes a bucket of a new name, which it returns: what suites share a server by. */
export async function createBucket(account: S3Account): Promise<string> {
  const bucket = `test-${randomUUID()}`
  const client = plainS3Client(account)
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  } finally {
    client.destroy()
  }
  return bucket
}

/** A client of the SDK as it comes, to look at a store by another way than the one under test. */
export function plainS3Client(account: S3Account): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = account
  const credentials = { accessKeyId, secretAccessKey }
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true })
}

/** The store under test, with its copies in a folder that the caller removes. */
export function openS3(
  account: S3Account,
  folder: string,
  options: Partial<S3FileIOOptions> = {},
): S3FileIO {
  const { endpoint, region, accessKeyId, secretAccessKey } = account
  const cache = createFileCache({
    folder: join(folder, 'cache'),
    ownFolder: join(folder, 'cache', 'open'),
    bytesMax: 1024 * 1024,
    clock: systemClock,
    ids: randomIds,
  })
  const credentials = { accessKeyId, secretAccessKey }
  return createS3FileIO({ endpoint, region, credentials, cache, ...options })
}
