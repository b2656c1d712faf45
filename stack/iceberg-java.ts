import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import icebergJars from './iceberg-java-jars.json' with { type: 'json' }
import { installOnce } from './install-once.ts'
import { findJava } from './java.ts'
import { downloadJars } from './maven.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import type { GuardedProcess } from './spawn-guarded.ts'
import { untilLogged } from './until-logged.ts'

/** The version of Apache Iceberg that checks our catalog. */
export const ICEBERG_JAVA_VERSION: string = icebergJars.version

export interface IcebergJava {
  readonly java: string
  /** Every jar of the reference server and of the compatibility kit, for `-cp`. */
  readonly classPath: string
}

export interface RestFixtureOptions {
  /** The root location of its tables: `file:///…`. */
  readonly warehouse: string
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
 * Starts the reference server, with its pointers in a temporary SQLite file, and resolves once it
 * takes requests (1-4 s). It dies with this process.
 */
export async function startRestFixture(options: RestFixtureOptions): Promise<RestFixture> {
  const install = await installIcebergJava()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rest-fixture-'))
  try {
    return await startOnPort(install, folder, options)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
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
    ...options.properties,
  }
  const settings = Object.entries(properties).map(
    ([name, value]) => [variableOf(name), value] as const,
  )
  const flags = ['-Xmx512m', '-XX:+UseSerialGC', '-Djava.awt.headless=true']
  const args = [...flags, '-cp', classPath, MAIN_CLASS]
  return spawnGuarded(java, args, { env: Object.fromEntries(settings) })
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
