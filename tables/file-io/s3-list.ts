import { ListObjectsV2Command } from '@aws-sdk/client-s3'

import type { FileStat } from './file-io.ts'
import type { S3Requests } from './s3-client.ts'
import { s3Error, s3FailureOf } from './s3-failure.ts'
import { s3FolderAt, s3LocationOf } from './s3-location.ts'

/** Every object below a folder, page by page (1,000 each). Throws as `FileIO.list` does. */
export async function* listS3Objects(
  requests: S3Requests,
  prefix: string,
): AsyncGenerator<FileStat> {
  const folder = s3FolderAt(prefix)
  let token: string | undefined
  do {
    const page = await listPage(requests, prefix, token)
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      // Consoles make empty objects whose names end with a slash, to show folders by.
      if (Key === undefined || Key.endsWith('/')) continue
      yield {
        location: s3LocationOf(folder, Key),
        sizeBytes: Size ?? 0,
        modifiedMs: LastModified?.getTime() ?? 0,
      }
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

async function listPage(requests: S3Requests, prefix: string, token: string | undefined) {
  const { bucket, key } = s3FolderAt(prefix)
  const input = {
    Bucket: bucket,
    Prefix: key,
    ...(token === undefined ? {} : { ContinuationToken: token }),
  }
  try {
    return await requests.send((client) => client.send(new ListObjectsV2Command(input)))
  } catch (error) {
    const notDone = 'The listing is incomplete'
    const [what, action] = ['could not be listed', 's3:ListBucket'] as const
    throw s3Error({ location: prefix, what, notDone, action }, s3FailureOf(error))
  }
}
