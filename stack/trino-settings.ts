import type { S3Account } from './start-s3-server.ts'

/** What one Trino process is told. */
export interface TrinoSettings {
  /** Where etc/, data/ and the logs lie: the process's working folder. */
  readonly home: string
  readonly port: number
  readonly pluginFolder: string
  /** Address of the node that coordinates, for one that only works. */
  readonly workerOf?: string | undefined
}

/** etc/config.properties: one node that coordinates and works, or a further one that works. */
export function trinoConfig(settings: TrinoSettings): Record<string, string> {
  const { port, pluginFolder, workerOf } = settings
  return {
    ...(workerOf === undefined ? coordinating : { coordinator: 'false' }),
    'http-server.http.port': String(port),
    'discovery.uri': workerOf ?? `http://127.0.0.1:${port}`,
    'plugin.dir': pluginFolder,
    // CREATE CATALOG: one process serves the lakes of many tests.
    'catalog.management': 'dynamic',
  }
}

/** What a node that only works refuses to be told. */
const coordinating: Readonly<Record<string, string>> = {
  coordinator: 'true',
  'node-scheduler.include-coordinator': 'true',
  // Catalogs lie in etc/catalog.
  'catalog.store': 'file',
  'web-ui.enabled': 'false',
}

/**
 * The Java system properties that the launcher of the official package would set from
 * etc/node.properties.
 */
export function trinoNode(settings: TrinoSettings): Record<string, string> {
  return {
    'node.environment': 'test',
    'node.id': nodeId(settings),
    'node.data-dir': `${settings.home}/data`,
    'node.internal-address': '127.0.0.1',
  }
}

/** What a node is called among its like. */
export function nodeId({ port }: TrinoSettings): string {
  return `test-${port}`
}

/** Stores beside the local disk that a catalog's tables lie on. */
export interface TrinoStores {
  readonly s3?: S3Account
  /** A folder with a core-site.xml. */
  readonly hdfsConfigFolder?: string
}

/** Trino's own account and address of S3, and where it finds HDFS. */
export function storeProperties({ s3, hdfsConfigFolder }: TrinoStores): Record<string, string> {
  return {
    ...(s3 === undefined
      ? {}
      : {
          'fs.s3.enabled': 'true',
          's3.endpoint': s3.endpoint,
          's3.region': s3.region,
          's3.path-style-access': 'true',
          's3.aws-access-key': s3.accessKeyId,
          's3.aws-secret-key': s3.secretAccessKey,
        }),
    ...(hdfsConfigFolder === undefined
      ? {}
      : {
          'fs.hadoop.enabled': 'true',
          'hive.config.resources': `${hdfsConfigFolder}/core-site.xml`,
        }),
  }
}

/**
 * Properties of a catalog over a REST catalog whose tables lie on the local disk, and on stores
 * where they are named. Expiry and the removal of orphans have no least age, so that tests need
 * not wait a week.
 */
export function icebergCatalog(restUri: string, stores: TrinoStores = {}): Record<string, string> {
  return {
    ...storeProperties(stores),
    'iceberg.catalog.type': 'rest',
    'iceberg.rest-catalog.uri': restUri,
    'iceberg.expire-snapshots.min-retention': '0s',
    'iceberg.remove-orphan-files.min-retention': '0s',
    'iceberg.register-table-procedure.enabled': 'true',
    'fs.local.enabled': 'true',
    // file:///abs/path then means that path.
    'local.location': '/',
  }
}

/** `CREATE CATALOG` for such a catalog. */
export function createCatalogSql(name: string, restUri: string, stores?: TrinoStores): string {
  const properties = Object.entries(icebergCatalog(restUri, stores)).map(
    ([key, value]) => `"${key}" = '${value}'`,
  )
  return `CREATE CATALOG ${name} USING iceberg WITH (${properties.join(', ')})`
}
