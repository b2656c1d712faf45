import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configurationXml, coreSite } from './hdfs-settings.ts'
import type { RunningService, ServicePlace } from './stack-service.ts'
import { STACK_CATALOG } from './stack-settings.ts'
import { startTrinoServer } from './trino.ts'

/** What of a catalog differs between a native Trino and one in a container. */
export interface StackCatalogAddresses {
  /** Sluice's REST catalog. */
  readonly catalogUri: string
  readonly s3Endpoint: string
  /** A core-site.xml. */
  readonly hdfsConfig: string
}

/**
 * Trino's catalog over Sluice's, for tables on local disk, MinIO and HDFS. Secrets are named and
 * not written: Trino takes them from its environment. trino/sluice.properties says the same for
 * docker-compose.yml.
 */
export function stackCatalog(addresses: StackCatalogAddresses): Readonly<Record<string, string>> {
  return {
    'iceberg.catalog.type': 'rest',
    'iceberg.rest-catalog.uri': addresses.catalogUri,
    'iceberg.rest-catalog.security': 'OAUTH2',
    'iceberg.rest-catalog.oauth2.token': '${ENV:SLUICE_CATALOG_TOKEN}',
    'fs.local.enabled': 'true',
    // file:///abs/path then means that path.
    'local.location': '/',
    'fs.s3.enabled': 'true',
    's3.endpoint': addresses.s3Endpoint,
    's3.region': 'us-east-1',
    's3.path-style-access': 'true',
    's3.aws-access-key': '${ENV:SLUICE_S3_ACCESS_KEY_ID}',
    's3.aws-secret-key': '${ENV:SLUICE_S3_SECRET_ACCESS_KEY}',
    'fs.hadoop.enabled': 'true',
    'hive.config.resources': addresses.hdfsConfig,
  }
}

/** Starts Trino with that catalog. Sluice need not run yet: it is asked at first use. */
export async function startStackTrino(where: ServicePlace): Promise<RunningService> {
  const { folder, logPath, place, secrets } = where
  const { ports } = place
  await mkdir(folder, { recursive: true })
  const hdfsConfig = join(folder, 'core-site.xml')
  await writeFile(hdfsConfig, configurationXml(coreSite(ports.hdfs, folder)))
  const catalog = stackCatalog({
    catalogUri: `http://127.0.0.1:${ports.catalog}`,
    s3Endpoint: `http://127.0.0.1:${ports.minio}`,
    hdfsConfig,
  })
  const server = await startTrinoServer({
    port: ports.trino,
    logPath,
    catalogs: { [STACK_CATALOG]: catalog },
    env: {
      SLUICE_CATALOG_TOKEN: secrets.SLUICE_CATALOG_TOKEN,
      SLUICE_S3_ACCESS_KEY_ID: secrets.SLUICE_S3_ACCESS_KEY_ID,
      SLUICE_S3_SECRET_ACCESS_KEY: secrets.SLUICE_S3_SECRET_ACCESS_KEY,
    },
  })
  return {
    addresses: { http: server.url, catalog: STACK_CATALOG },
    pids: () => [server.pid],
    stop: server.stop,
  }
}
