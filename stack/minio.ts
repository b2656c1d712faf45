import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { goInstall } from './go.ts'
import { installOnce } from './install-once.ts'
import { S3_ACCOUNT, startS3Server } from './start-s3-server.ts'
import type { S3Server, S3ServerOptions } from './start-s3-server.ts'

/** MinIO's last state: the module proxy has no release tags of it. */
export const MINIO_VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c'
/** Where in the cache it is installed. */
export const MINIO_FOLDER = `minio-${MINIO_VERSION}`

/**
 * Path of the MinIO program, built from the Go module proxy (252 MB, some 4 minutes, once per
 * machine; 110 MB stay). Throws ServiceMissing where Go or the modules cannot be had.
 */
export async function installMinio(): Promise<string> {
  const folder = await installOnce(MINIO_FOLDER, (target) =>
    goInstall(`github.com/minio/minio@${MINIO_VERSION}`, target),
  )
  return join(folder, 'minio')
}

/** Starts a MinIO of one drive (0.5 s). */
export async function startMinio(options: S3ServerOptions = {}): Promise<S3Server> {
  const program = await installMinio()
  const { tls } = options
  return startS3Server(
    {
      name: `MinIO ${MINIO_VERSION}`,
      program,
      healthPath: '/minio/health/ready',
      prepare: async (folder) => {
        if (tls === undefined) return
        await mkdir(join(folder, CERTIFICATES))
        await writeFile(join(folder, CERTIFICATES, 'public.crt'), tls.cert)
        await writeFile(join(folder, CERTIFICATES, 'private.key'), tls.key, { mode: 0o600 })
      },
      launch: ({ address, dataFolder }) => ({
        args: [
          ...['server', '--quiet', '--address', address],
          ...(tls === undefined ? [] : ['--certs-dir', CERTIFICATES]),
          dataFolder,
        ],
        env: minioEnvironment(options),
      }),
    },
    options,
  )
}

/** In its working folder; with nothing in it MinIO would answer http. */
const CERTIFICATES = 'certificates'

/** Its settings: no console with its port, no look for a newer version, no report home. */
export function minioEnvironment(
  options: Pick<S3ServerOptions, 'domain' | 'account'>,
): Readonly<Record<string, string>> {
  const { domain, account = S3_ACCOUNT } = options
  return {
    MINIO_ROOT_USER: account.accessKeyId,
    MINIO_ROOT_PASSWORD: account.secretAccessKey,
    MINIO_REGION: S3_ACCOUNT.region,
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
    MINIO_CALLHOME_ENABLE: 'off',
    ...(domain === undefined ? {} : { MINIO_DOMAIN: domain }),
  }
}
