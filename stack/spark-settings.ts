import { join } from 'node:path'

/** An Iceberg REST catalog that Spark sees. */
export interface SparkCatalog {
  readonly uri: string
}

export interface SparkSettings {
  /** For everything that Spark writes beside the tables. */
  readonly folder: string
  readonly runtimeJar: string
  readonly catalogs: Readonly<Record<string, SparkCatalog>>
}

/**
 * Properties of a small session on this machine alone. Tables on disk and on HDFS need no more
 * than the catalog's address: their locations are whole URIs.
 */
export function sparkConfig({ folder, runtimeJar, catalogs }: SparkSettings): {
  readonly [name: string]: string
} {
  return {
    'spark.master': 'local[2]',
    'spark.jars': runtimeJar,
    'spark.driver.memory': '1g',
    'spark.driver.extraJavaOptions': [
      `-Dderby.system.home=${folder}`,
      // Short statements over few rows: most of the time would go into compiling.
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ].join(' '),
    'spark.sql.codegen.wholeStage': 'false',
    'spark.local.dir': join(folder, 'local'),
    'spark.sql.warehouse.dir': join(folder, 'warehouse'),
    'spark.ui.enabled': 'false',
    'spark.sql.shuffle.partitions': '2',
    'spark.sql.adaptive.enabled': 'false',
    // HDFS names hosts for its blocks, and Spark waits for one of them to be free. In local mode
    // nothing wakes it up again where no other task runs: the statement then hangs forever.
    'spark.locality.wait': '0s',
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
    ...Object.fromEntries(
      Object.entries(catalogs).flatMap(([name, { uri }]) => [
        [`spark.sql.catalog.${name}`, 'org.apache.iceberg.spark.SparkCatalog'],
        [`spark.sql.catalog.${name}.type`, 'rest'],
        [`spark.sql.catalog.${name}.uri`, uri],
        // A table is kept for 30 s else, and commits of others in that time are not seen.
        [`spark.sql.catalog.${name}.cache-enabled`, 'false'],
      ]),
    ),
  }
}
