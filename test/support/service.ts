import { describe, it } from 'vitest'
import { installDuckDbExtensions } from '../../stack/duckdb-extensions.ts'
import { installHdfs } from '../../stack/hdfs.ts'
import { installIcebergJava, installIcebergS3 } from '../../stack/iceberg-java.ts'
import { installKafka } from '../../stack/kafka.ts'
import { installMinio } from '../../stack/minio.ts'
import { installPyIceberg } from '../../stack/python.ts'
import { ServiceMissing } from '../../stack/service-missing.ts'
import { installSpark } from '../../stack/spark.ts'
import { installTrino } from '../../stack/trino.ts'
import { installVersitygw } from '../../stack/versitygw.ts'
import { dataFolder, hasData } from './data.ts'
import { probeSmallDisk } from './small-disk.ts'

/** What a suite may need beside Node.js. */
export type Service =
  | 'kafka'
  | 'duckdb-iceberg'
  | 'hdfs'
  | 'iceberg-java'
  | 'iceberg-s3'
  | 'minio'
  | 'pyiceberg'
  | 'spark'
  | 'trino'
  | 'versitygw'
  | 'data'
  | 'small-disk'

/** Marks the name of a suite that is switched off; the summary lists such suites. */
export const OFF_MARK = '[OFF: '

const probes: Readonly<Record<Service, () => Promise<unknown>>> = {
  kafka: installKafka,
  'duckdb-iceberg': installDuckDbExtensions,
  hdfs: installHdfs,
  'iceberg-java': installIcebergJava,
  'iceberg-s3': installIcebergS3,
  minio: installMinio,
  pyiceberg: installPyIceberg,
  spark: installSpark,
  trino: installTrino,
  versitygw: installVersitygw,
  'small-disk': probeSmallDisk,
  data: async () => {
    if (hasData()) return
    throw new ServiceMissing(`no recorded data in ${dataFolder()}; set SLUICE_DATA`)
  },
}

/**
 * A suite that needs services: `await describeWithService('kafka', 'title', () => { it(…) })` at
 * the top of a test file. What can be installed is installed first. Where a service cannot be had
 * the suite is skipped, its name says why, and the summary lists it; with SLUICE_STACK=required it
 * fails instead. The suite starts what it needs in `beforeAll` and stops it in `afterAll`.
 */
export async function describeWithService(
  needed: Service | readonly Service[],
  title: string,
  suite: () => void,
): Promise<void> {
  const services = typeof needed === 'string' ? [needed] : needed
  const reason = await firstMissing(services)
  if (reason === undefined) {
    describe(title, suite)
    return
  }
  if (process.env['SLUICE_STACK'] === 'required') {
    describe(title, () => {
      it('has the services that it needs', () => {
        throw new ServiceMissing(`SLUICE_STACK=required, but ${reason}`)
      })
    })
    return
  }
  describe.skip(`${title} ${OFF_MARK}${reason}]`, suite)
}

async function firstMissing(services: readonly Service[]): Promise<string | undefined> {
  for (const service of services) {
    try {
      await probes[service]()
    } catch (error) {
      if (error instanceof ServiceMissing) return `${service}: ${error.message}`
      throw error
    }
  }
  return undefined
}
