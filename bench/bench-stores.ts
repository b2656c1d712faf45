import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { LakeStores } from '../pipelines/lake/lake-stores.ts'
import { startHdfs } from '../stack/hdfs.ts'
import { startMinio } from '../stack/minio.ts'

export const storeNames = ['local', 'minio', 'hdfs'] as const
export type StoreName = (typeof storeNames)[number]

/** A store to measure, and how its lakes are told of it. */
export interface BenchStore {
  readonly name: string
  readonly storesOf: (lake: string) => LakeStores
}

export interface BenchStores {
  /** In the order in which they were named. */
  readonly all: readonly BenchStore[]
  stop(): Promise<void>
}

interface StartedStore {
  readonly store: BenchStore
  stop(): Promise<void>
}

const BUCKET = 'sluice-bench'

const starters: Readonly<Record<StoreName, () => Promise<StartedStore>>> = {
  local: async () => ({
    store: { name: 'local disk', storesOf: () => ({}) },
    stop: async () => undefined,
  }),
  minio: startMinioStore,
  hdfs: async () => {
    const hdfs = await startHdfs()
    const settings = { nameNodes: [hdfs.webUrl], user: 'sluice' }
    return {
      store: {
        name: 'HDFS',
        storesOf: (lake) => ({ warehouse: `${hdfs.rootLocation}/${lake}`, hdfs: settings }),
      },
      stop: () => hdfs.stop(),
    }
  },
}

/** Stores on this machine: its disk, a MinIO, an HDFS. Starts those alone that are named. */
export async function startBenchStores(
  names: readonly StoreName[] = storeNames,
): Promise<BenchStores> {
  const started: StartedStore[] = []
  const stop = async (): Promise<void> => {
    for (const each of started.reverse()) await each.stop()
  }
  try {
    for (const name of names) started.push(await starters[name]())
  } catch (error) {
    await stop()
    throw error
  }
  return { all: started.map(({ store }) => store), stop }
}

async function startMinioStore(): Promise<StartedStore> {
  const minio = await startMinio()
  // The processes of the loop find the account as every user's do.
  process.env['AWS_ACCESS_KEY_ID'] = minio.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = minio.secretAccessKey
  const client = new S3Client({
    endpoint: minio.endpoint,
    region: minio.region,
    forcePathStyle: true,
  })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  client.destroy()
  const s3 = { endpoint: minio.endpoint, region: minio.region, isPathStyle: true }
  return {
    store: {
      name: 'MinIO',
      storesOf: (lake) => ({ warehouse: `s3://${BUCKET}/${lake}`, s3 }),
    },
    stop: () => minio.stop(),
  }
}
