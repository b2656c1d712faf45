import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'

import type { S3Requests } from './s3-client.ts'
import { isS3Failure } from './s3-failure.ts'
import type { S3Place } from './s3-location.ts'

/**
 * Whether a store obeys `If-None-Match: *`, asked by creating an object of a new name twice below
 * a folder. Stores that do not know the header do one of two things: they say so (501), or they
 * ignore it and overwrite, which nothing but a try can tell. Throws S3Failure where it is not to
 * be found out.
 */
export async function probeCreateIfAbsent(requests: S3Requests, folder: S3Place): Promise<boolean> {
  const name = { Bucket: folder.bucket, Key: `${folder.key}_sluice-probe-${requests.ids.uuid()}` }
  const create = () =>
    requests.send((client) =>
      client.send(new PutObjectCommand({ ...name, Body: PROBE_BODY, IfNoneMatch: '*' })),
    )
  try {
    await create()
    await create()
    return false
  } catch (error) {
    if (isS3Failure(error, 'taken')) return true
    if (isS3Failure(error, 'not-implemented')) return false
    throw error
  } finally {
    // An object that stays is no harm: nothing names it, and the removal of orphans finds it.
    await requests
      .send((client) => client.send(new DeleteObjectCommand(name)))
      .catch(() => undefined)
  }
}

const PROBE_BODY = 'Sluice asks whether this store obeys If-None-Match. It may be deleted.\n'
