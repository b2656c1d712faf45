import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { goInstall } from './go.ts'
import { installOnce } from './install-once.ts'
import { S3_ACCOUNT, startS3Server } from './start-s3-server.ts'
import type { S3Server, S3ServerOptions } from './start-s3-server.ts'

export const VERSITYGW_VERSION = 'v1.8.0'

/**
 * Path of versitygw, a second S3 server with other habits than MinIO, built from the Go module
 * proxy (109 MB, some 90 s, once per machine; 61 MB stay). Throws ServiceMissing where Go or the
 * modules cannot be had.
 */
export async function installVersitygw(): Promise<string> {
  const folder = await installOnce(`versitygw-${VERSITYGW_VERSION}`, (target) =>
    goInstall(`github.com/versity/versitygw/cmd/versitygw@${VERSITYGW_VERSION}`, target),
  )
  return join(folder, 'versitygw')
}

/** Starts a versitygw that keeps objects as files (0.1 s). */
export async function startVersitygw(options: S3ServerOptions = {}): Promise<S3Server> {
  const program = await installVersitygw()
  return startS3Server(
    {
      name: `versitygw ${VERSITYGW_VERSION}`,
      program,
      healthPath: '/health',
      launch: ({ address, dataFolder }) => ({
        args: [...serverArgs(address, options.domain), ...backendArgs(dataFolder)],
        env: {
          ROOT_ACCESS_KEY_ID: S3_ACCOUNT.accessKeyId,
          ROOT_SECRET_ACCESS_KEY: S3_ACCOUNT.secretAccessKey,
        },
      }),
    },
    options,
  )
}

function serverArgs(address: string, domain: string | undefined): readonly string[] {
  const virtual = domain === undefined ? [] : ['--virtual-domain', domain]
  return [
    '--quiet',
    '--port',
    address,
    '--region',
    S3_ACCOUNT.region,
    '--health',
    '/health',
  ].concat(virtual)
}

/** Metadata lies in files beside the objects: not every temporary folder has file attributes. */
function backendArgs(dataFolder: string): readonly string[] {
  const [objects, metadata] = [join(dataFolder, 'objects'), join(dataFolder, 'metadata')]
  for (const folder of [objects, metadata]) mkdirSync(folder, { recursive: true })
  return ['posix', '--sidecar', metadata, objects]
}
