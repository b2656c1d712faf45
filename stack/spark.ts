import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { installOnce } from './install-once.ts'
import { findJava } from './java.ts'
import { downloadJars } from './maven.ts'
import type { PinnedJar } from './maven.ts'
import { installPython } from './python.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import { sparkConfig, type SparkCatalog } from './spark-settings.ts'
import { untilLogged } from './until-logged.ts'

export const SPARK_VERSION = '4.0.5'
/** Iceberg's runtime for that Spark, the same version as Trino's. */
export const SPARK_ICEBERG_VERSION = '1.11.0'

const RUNTIME = `iceberg-spark-runtime-4.0_2.13`

const runtimeJar: PinnedJar = {
  path:
    `org/apache/iceberg/${RUNTIME}/${SPARK_ICEBERG_VERSION}/` +
    `${RUNTIME}-${SPARK_ICEBERG_VERSION}.jar`,
  sha256: '63c3b812549dc232c1920865ff42436df8604a9bbacd693930985c06bd97e6dc',
  sizeBytes: 47_926_285,
}

export interface SparkInstall {
  readonly java: string
  readonly python: string
  /** Iceberg's jar; Hadoop's client comes with Spark. */
  readonly runtimeJar: string
}

/** A Spark session of its own process, on this machine. */
export interface SparkSession {
  readonly pid: number
  /** Runs a statement; rows as texts in the order of their columns, as Python prints values. */
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]>
  /** Ends it and removes its files. A second call does nothing. */
  stop(): Promise<void>
}

const START_MS_MAX = 180_000

/**
 * Sees to Java, to Spark from PyPI and to Iceberg's runtime from Maven Central (482 MB, half a
 * minute, once per machine). Throws ServiceMissing where one of them cannot be had.
 */
export async function installSpark(): Promise<SparkInstall> {
  const java = await findJava()
  const python = await installPython(`pyspark-${SPARK_VERSION}`, [`pyspark==${SPARK_VERSION}`])
  const folder = await installOnce(`${RUNTIME}-${SPARK_ICEBERG_VERSION}`, (target) =>
    downloadJars([runtimeJar], target),
  )
  return { java, python, runtimeJar: join(folder, basename(runtimeJar.path)) }
}

/**
 * Starts a session with Iceberg catalogs, by name, and resolves once it takes statements (10-15
 * s). It dies with this process.
 */
export async function startSpark(
  catalogs: Readonly<Record<string, SparkCatalog>>,
): Promise<SparkSession> {
  const install = await installSpark()
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('no free port')
  const folder = await mkdtemp(join(tmpdir(), 'sluice-spark-'))
  await mkdir(join(folder, 'local'))
  const conf = sparkConfig({ folder, runtimeJar: install.runtimeJar, catalogs })
  const child = spawnGuarded(
    install.python,
    [join(import.meta.dirname, 'spark-session.py'), JSON.stringify({ port, conf })],
    { cwd: folder, env: { ...javaHome(install.java), SPARK_LOCAL_IP: '127.0.0.1' } },
  )
  const stop = async (): Promise<void> => {
    // Python ends, and its Java process with it, which reads a pipe from it.
    await stopGuarded(child, 0)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const name = `Spark ${SPARK_VERSION}`
    await untilLogged(child, { name, ready: READY, timeoutMs: START_MS_MAX })
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid ?? 0, rows: (sql) => runStatement(port, sql), stop }
}

/** The longest took 5 s alone; one that hangs must not hold a whole run up. */
const STATEMENT_MS_MAX = 120_000
const READY = 'Spark session is ready'

/** Where Java is on the PATH, Spark finds it there too. */
function javaHome(java: string): Record<string, string> {
  const isPath = java.includes('/')
  return isPath ? { JAVA_HOME: join(java, '..', '..') } : {}
}

async function runStatement(port: number, sql: string): Promise<(string | null)[][]> {
  const signal = AbortSignal.timeout(STATEMENT_MS_MAX)
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: sql, signal })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`Spark did not run ${sql}: ${text}`)
  return JSON.parse(text) as (string | null)[][]
}
