import { schemeOf } from '../file-io/location.ts'

/** An account of an S3 store that clients of a catalog are given, with all that reaches it. */
export interface VendedS3 {
  /** As clients reach it, which may be another address than the server's own. */
  readonly endpoint: string
  readonly region: string
  readonly isPathStyle: boolean
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Properties for a client's own access to files; empty where it is to use what it has itself. */
export type StorageConfig = Readonly<Record<string, string>>

/**
 * What a client is told of the store of a location: all of it or nothing, since engines fill
 * gaps differently (DuckDB fails without a region, Trino without an endpoint). The names are those
 * of Iceberg's S3FileIO properties, which DuckDB, PyIceberg, Spark and Trino read.
 */
export function storageConfig(vended: VendedS3 | undefined, location: string): StorageConfig {
  if (vended === undefined || schemeOf(location) !== 's3') return {}
  return {
    's3.endpoint': vended.endpoint,
    's3.region': vended.region,
    'client.region': vended.region,
    's3.path-style-access': String(vended.isPathStyle),
    's3.access-key-id': vended.accessKeyId,
    's3.secret-access-key': vended.secretAccessKey,
    ...(vended.sessionToken === undefined ? {} : { 's3.session-token': vended.sessionToken }),
  }
}

/** The same as the protocol's list, which holds for locations that begin with the prefix. */
export function storageCredentials(
  config: StorageConfig,
): readonly { readonly prefix: string; readonly config: StorageConfig }[] {
  return Object.keys(config).length === 0 ? [] : [{ prefix: 's3://', config }]
}
