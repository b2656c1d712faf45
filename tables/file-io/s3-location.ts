import { SluiceError } from '../errors.ts'

/** `s3` is what we write. Hadoop's clients wrote the others into metadata; they mean the same. */
export const S3_SCHEMES = ['s3', 's3a', 's3n'] as const

/** An object, or with an empty key a whole bucket. */
export interface S3Place {
  /** As it was written, so that what is listed below a location begins with that location. */
  readonly scheme: string
  readonly bucket: string
  /** The key as it is: locations are not percent-encoded. */
  readonly key: string
}

/**
 * Bucket and key of an object. The key is the text behind `s3://bucket/`, byte for byte: the other
 * engines take it literally too.
 * @throws SluiceError `invalid-input` where it is no location of an object.
 */
export function s3ObjectAt(location: string): S3Place {
  const place = s3PlaceAt(location)
  if (place.key !== '' && !place.key.endsWith('/')) return place
  throw notAnS3Location(location, 'it names no object')
}

/**
 * Bucket and prefix of a folder: the prefix is empty for a bucket, else it ends with one slash.
 * @throws SluiceError `invalid-input` where it is no location of a folder.
 */
export function s3FolderAt(location: string): S3Place {
  const place = s3PlaceAt(location)
  const key = place.key.replace(/\/+$/, '')
  return { ...place, key: key === '' ? '' : `${key}/` }
}

/** The location of a key in the bucket of another place, in the same spelling of the scheme. */
export function s3LocationOf({ scheme, bucket }: S3Place, key: string): string {
  return `${scheme}://${bucket}/${key}`
}

function s3PlaceAt(location: string): S3Place {
  const match = /^(s3[an]?):\/\/([^/]+)(?:\/(.*))?$/s.exec(location)
  const [, scheme = '', bucket = '', key = ''] = match ?? []
  if (match === null) throw notAnS3Location(location, 'it must be s3://bucket/key')
  if (!/^[a-z0-9][a-z0-9._-]{1,62}$/i.test(bucket)) {
    throw notAnS3Location(location, 'its bucket has a name that no store allows')
  }
  if (key.split('/').some((name) => name === '.' || name === '..')) {
    throw notAnS3Location(location, 'a name may not be "." or ".."')
  }
  return { scheme, bucket, key }
}

function notAnS3Location(location: string, why: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `Not a location in an S3 store: ${location} (${why}). Nothing was read or written; ` +
      'write it like s3://lake/bronze/trades/x.parquet.',
    { context: { location } },
  )
}
