import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import icebergJars from './iceberg-java-jars.json' with { type: 'json' }
import { installOnce } from './install-once.ts'
import { findJava } from './java.ts'
import { downloadJars } from './maven.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import type { PinnedJar } from './maven.ts'
import type { GuardedProcess } from './spawn-guarded.ts'
import type { S3Account } from './start-s3-server.ts'
import { untilLogged } from './until-logged.ts'

/** The version of Apache Iceberg that checks our catalog. */
export const ICEBERG_JAVA_VERSION: string = icebergJars.version

export interface IcebergJava {
  readonly java: string
  /** Every jar of the reference server and of the compatibility kit, for `-cp`. */
  readonly classPath: string
}

/** Iceberg's own way to S3, and Amazon's client that it uses. */
const s3Jars: readonly PinnedJar[] = [
  {
    path: 'dev/failsafe/failsafe/3.3.2/failsafe-3.3.2.jar',
    sha256: '2c5dc879a6dac7ea3a7b29d795e27bd49b8e7908b05c2f3e56053c19d79850f5',
    sizeBytes: 143_998,
  },
  {
    path: `org/apache/iceberg/iceberg-aws/${ICEBERG_JAVA_VERSION}/iceberg-aws-${ICEBERG_JAVA_VERSION}.jar`,
    sha256: '4cfe4a7ba3a4fb247a29e60c614678c3b7a1e9b4b91f54e0ca3406419c9338f0',
    sizeBytes: 230_377,
  },
  {
    path:
      `org/apache/iceberg/iceberg-aws-bundle/${ICEBERG_JAVA_VERSION}/` +
      `iceberg-aws-bundle-${ICEBERG_JAVA_VERSION}.jar`,
    sha256: '38f01da7e96850cdd05e6616d758b77b43314b712a8808e3f9a824d56976162f',
    sizeBytes: 63_613_165,
  },
]

export interface RestFixtureOptions {
  /** The root location of its tables: `file:///…`, `hdfs://host:port/…`, or `s3://…` with `s3`. */
  readonly warehouse: string
  /** Where its tables lie, and by whose account it writes their metadata. */
  readonly s3?: S3Account
  /**
   * A free port where it is left out. The server shares its port (SO_REUSEPORT): a second one on
   * the same port is not refused, so give a port only to one that was stopped.
   */
  readonly port?: number
  /** More catalog properties by their Java names, like `io-impl`. */
  readonly properties?: Readonly<Record<string, string>>
}

/** The running reference server. It asks for no token and commits table after table. */
export interface RestFixture {
  /** `http://127.0.0.1:port`, as clients want it. */
  readonly uri: string
  /** Ends it and removes its pointers; the warehouse stays. A second call does nothing. */
  stop(): Promise<void>
}

const START_MS_MAX = 60_000
const START_TRIES = 3

/**
 * Sees to Java and to Apache Iceberg's reference REST server with its compatibility kit (98 MB from
 * Maven Central, once per machine). Throws ServiceMissing where one of them cannot be had.
 */
export async function installIcebergJava(): Promise<IcebergJava> {
  const java = await findJava()
  const folder = await installOnce(`iceberg-java-${ICEBERG_JAVA_VERSION}`, (target) =>
    downloadJars(icebergJars.jars, target),
  )
  return { java, classPath: join(folder, '*') }
}

/**
 * Sees to what the reference server needs for tables on S3 (64 MB from Maven Central, once per
 * machine); the folder of the jars. Throws ServiceMissing where it cannot be had.
 */
export function installIcebergS3(): Promise<string> {
  return installOnce(`iceberg-java-s3-${ICEBERG_JAVA_VERSION}`, (target) =>
    downloadJars(s3Jars, target),
  )
}

/**
 * Starts the reference server, with its pointers in a temporary SQLite file, and resolves once it
 * takes requests (1-4 s). It dies with this process.
 */
export async function startRestFixture(options: RestFixtureOptions): Promise<RestFixture> {
  const install = await installFor(options)
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rest-fixture-'))
  try {
    return await startOnPort(install, folder, options)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function installFor({ s3 }: RestFixtureOptions): Promise<IcebergJava> {
  const install = await installIcebergJava()
  if (s3 === undefined) return install
  const classPath = `${install.classPath}:${join(await installIcebergS3(), '*')}`
  return { ...install, classPath }
}

/** A port that was free can be taken before Java binds it: such a start is made again. */
async function startOnPort(
  install: IcebergJava,
  folder: string,
  options: RestFixtureOptions,
): Promise<RestFixture> {
  for (let attempt = 1; ; attempt += 1) {
    const [port] = options.port === undefined ? await freePorts(1) : [options.port]
    if (port === undefined) throw new Error('no free port')
    const database = join(folder, `catalog-${attempt}.db`)
    const child = spawnFixture(install, { ...options, port }, database)
    try {
      const name = `The REST fixture of Iceberg ${ICEBERG_JAVA_VERSION}`
      await untilLogged(child, { name, ready: READY, timeoutMs: START_MS_MAX })
      return fixtureOf(child, port, folder)
    } catch (error) {
      await stopGuarded(child, 0)
      const isPortTaken = String(error).includes('Address already in use')
      if (!isPortTaken || options.port !== undefined || attempt === START_TRIES) throw error
    }
  }
}

function spawnFixture(
  { java, classPath }: IcebergJava,
  options: RestFixtureOptions & { readonly port: number },
  database: string,
): GuardedProcess {
  const properties = {
    warehouse: options.warehouse,
    uri: `jdbc:sqlite:${database}`,
    'jdbc.schema-version': 'V1',
    'rest.port': String(options.port),
    ...(options.s3 === undefined ? {} : s3Properties(options.s3)),
    ...options.properties,
  }
  const settings = Object.entries(properties).map(
    ([name, value]) => [variableOf(name), value] as const,
  )
  const flags = ['-Xmx512m', '-XX:+UseSerialGC', '-Djava.awt.headless=true']
  const args = [...flags, '-cp', classPath, MAIN_CLASS]
  return spawnGuarded(java, args, { env: Object.fromEntries(settings) })
}

function s3Properties(account: S3Account): Record<string, string> {
  return {
    'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
    's3.endpoint': account.endpoint,
    's3.path-style-access': 'true',
    's3.access-key-id': account.accessKeyId,
    's3.secret-access-key': account.secretAccessKey,
    'client.region': account.region,
  }
}

const MAIN_CLASS = 'org.apache.iceberg.rest.RESTCatalogServer'

/** Its HTTP server logs this line once its port is bound and its routes are in place. */
const READY = 'Started oejs.Server@'

/** The server reads `a.b-c` from `CATALOG_A_B__C`. */
function variableOf(property: string): string {
  return `CATALOG_${property.replaceAll('-', '__').replaceAll('.', '_').toUpperCase()}`
}

function fixtureOf(child: GuardedProcess, port: number, folder: string): RestFixture {
  return {
    uri: `http://127.0.0.1:${port}`,
    stop: async () => {
      await stopGuarded(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
