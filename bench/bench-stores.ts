import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { LakeStores } from '../pipelines/lake/lake-stores.ts'
import { startHdfs } from '../stack/hdfs.ts'
import { startMinio } from '../stack/minio.ts'

/** A store to measure, and how its lakes are told of it. */
export interface BenchStore {
  readonly name: string
  readonly storesOf: (lake: string) => LakeStores
}

export interface BenchStores {
  readonly all: readonly BenchStore[]
  stop(): Promise<void>
}

const BUCKET = 'sluice-bench'

/** Local disk, a MinIO and an HDFS, all on this machine. */
export async function startBenchStores(): Promise<BenchStores> {
  const minio = await startMinio()
  const hdfs = await startHdfs()
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
    all: [
      { name: 'local disk', storesOf: () => ({}) },
      { name: 'MinIO', storesOf: (lake) => ({ warehouse: `s3://${BUCKET}/${lake}`, s3 }) },
      {
        name: 'HDFS',
        storesOf: (lake) => ({
          warehouse: `${hdfs.rootLocation}/${lake}`,
          hdfs: { nameNodes: [hdfs.webUrl], user: 'sluice' },
        }),
      },
    ],
    stop: async () => {
      await hdfs.stop()
      await minio.stop()
    },
  }
}
