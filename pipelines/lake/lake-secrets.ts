import type { S3Credentials } from '../../tables/file-io/s3-client.ts'

/** What opens the doors of a lake. Never stored, never logged. */
export interface LakeSecrets {
  readonly catalog?: CatalogSecrets | undefined
  /** By default what the SDK's chain finds: environment, profile, role. */
  readonly s3?: S3Credentials | undefined
  /** A delegation token of HDFS. */
  readonly hdfsToken?: string | undefined
}

/** How to show another catalog who we are; the credential wins. */
export interface CatalogSecrets {
  readonly token?: string | undefined
  /** `id:secret` of OAuth2 client credentials. */
  readonly credential?: string | undefined
}
