import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from './free-ports.ts'
import { installOnce } from './install-once.ts'
import { propertiesText } from './kafka-settings.ts'
import { downloadJars } from './maven.ts'
import type { PinnedJar } from './maven.ts'
import { findNewJava } from './new-java.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import type { GuardedProcess } from './spawn-guarded.ts'
import trinoJars from './trino-jars.json' with { type: 'json' }
import { TRINO_MAIN_CLASS, trinoMainClass } from './trino-main.ts'
import { nodeId, trinoConfig, trinoNode, type TrinoSettings } from './trino-settings.ts'

/** docker-compose.yml names the same. */
export const TRINO_VERSION: string = trinoJars.version
/** Where in the cache it is installed. */
export const TRINO_FOLDER = `trino-${TRINO_VERSION}-with-hdfs`

/** A running node of Trino without a catalog. */
export interface TrinoServer {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  /** The Java process, for measuring it. */
  readonly pid: number
  /** Ends it and removes its files. A second call does nothing. */
  stop(): Promise<void>
}

export interface TrinoOptions {
  /** A free one where it is left out. */
  readonly port?: number
  /** Catalogs that it has from the start, by name; none of them is asked for anything yet. */
  readonly catalogs?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Added to its environment: what `${ENV:NAME}` in a catalog's properties names. */
  readonly env?: Readonly<Record<string, string>>
  /** A file that its log is added to. */
  readonly logPath?: string
  /** `url` of a server for which this one only works. It has the catalogs of that one. */
  readonly workerOf?: string
}

export interface TrinoInstall {
  readonly java: string
  /** Holds classes/, server/ and plugin/iceberg/, which has a folder hdfs/. */
  readonly folder: string
}

const HEAP_MB = 2048
const START_MS_MAX = 180_000
const START_TRIES = 3

/**
 * Sees to Java and to the server's and the Iceberg plugin's jars (230 MB from Maven Central, once
 * per machine). There is no package of the whole server on Maven Central since version 477, so it
 * is put together from the libraries; stores other than disk, S3 and HDFS are left out. Throws
 * ServiceMissing where Java or the jars cannot be had.
 */
export async function installTrino(): Promise<TrinoInstall> {
  const java = await findNewJava()
  const folder = await installOnce(TRINO_FOLDER, layOut)
  return { java, folder }
}

async function layOut(folder: string): Promise<void> {
  const [classes, server] = [join(folder, 'classes'), join(folder, 'server')]
  const plugin = join(folder, 'plugin', 'iceberg')
  // A folder on the plugin's class path, in place of a jar that holds this one file.
  const services = join(plugin, 'services', 'META-INF', 'services')
  // A class loader of its own reads HDFS, from this folder beside the plugin's jars.
  const hdfs = join(plugin, 'hdfs')
  for (const path of [classes, server, services, hdfs]) await mkdir(path, { recursive: true })
  await writeFile(join(classes, `${TRINO_MAIN_CLASS}.class`), trinoMainClass())
  await writeFile(join(services, 'io.trino.spi.Plugin'), PLUGIN_CLASS)
  await downloadJars([...trinoJars.server, ...trinoJars.shared], server)
  await downloadJars(trinoJars.iceberg, plugin)
  for (const { path } of trinoJars.shared) {
    await copyFile(join(server, basename(path)), join(plugin, basename(path)))
  }
  await fillHdfs(hdfs, [
    { folder: server, jars: [...trinoJars.server, ...trinoJars.shared] },
    { folder: plugin, jars: trinoJars.iceberg },
  ])
}

interface JarFolder {
  readonly folder: string
  readonly jars: readonly PinnedJar[]
}

/** Nine tenths of its jars are there already, for the server or the plugin. */
async function fillHdfs(target: string, present: readonly JarFolder[]): Promise<void> {
  const missing: PinnedJar[] = []
  for (const jar of trinoJars.hdfs) {
    const source = present.find(({ jars }) => jars.some(({ path }) => path === jar.path))
    const name = basename(jar.path)
    if (source === undefined) missing.push(jar)
    else await copyFile(join(source.folder, name), join(target, name))
  }
  await downloadJars(missing, target)
}

const PLUGIN_CLASS = 'io.trino.plugin.iceberg.IcebergPlugin\n'

/**
 * Starts one node that coordinates and works, on 127.0.0.1, with its files in a temporary folder,
 * and resolves once it answers a query, or is known to the one that it works for. Catalogs are made by `CREATE CATALOG`. The process dies
 * with this one.
 */
export async function startTrinoServer(options: TrinoOptions = {}): Promise<TrinoServer> {
  const install = await installTrino()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-trino-'))
  try {
    return await startOnFreePort(install, folder, options)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** A port that was free can be taken before Java binds it: such a start is made again. */
async function startOnFreePort(
  install: TrinoInstall,
  folder: string,
  options: TrinoOptions,
): Promise<TrinoServer> {
  const { port: asked, catalogs = {}, env, logPath, workerOf } = options
  for (let attempt = 1; ; attempt += 1) {
    const port = asked ?? (await freePorts(1))[0]
    if (port === undefined) throw new Error('no free port')
    const home = join(folder, `try-${attempt}`)
    const settings = { home, port, pluginFolder: join(install.folder, 'plugin'), workerOf }
    await configure(settings, catalogs)
    const child = spawnGuarded(install.java, javaArgs(install, settings), {
      cwd: home,
      logPath,
      ...(env === undefined ? {} : { env }),
    })
    try {
      await untilReady(child, settings)
      return serverOf(child, port, folder)
    } catch (error) {
      await stopGuarded(child, 0)
      const isPortTaken = String(error).includes('Address already in use')
      if (!isPortTaken || asked !== undefined || attempt === START_TRIES) throw error
    }
  }
}

function serverOf(child: GuardedProcess, port: number, folder: string): TrinoServer {
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: async () => {
      // It holds nothing that is worth an orderly end, which takes many seconds.
      await stopGuarded(child, 0)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function configure(
  settings: TrinoSettings,
  catalogs: NonNullable<TrinoOptions['catalogs']>,
): Promise<void> {
  const etc = join(settings.home, 'etc')
  await mkdir(join(etc, 'catalog'), { recursive: true })
  for (const [name, properties] of Object.entries(catalogs)) {
    const text = propertiesText({ 'connector.name': 'iceberg', ...properties })
    await writeFile(join(etc, 'catalog', `${name}.properties`), text)
  }
  await mkdir(join(settings.home, 'data'))
  await writeFile(join(etc, 'config.properties'), propertiesText(trinoConfig(settings)))
  await writeFile(join(etc, 'log.properties'), 'io.trino=INFO\nio.airlift=WARN\n')
}

function javaArgs(install: TrinoInstall, settings: TrinoSettings): string[] {
  const { home } = settings
  const system = {
    ...trinoNode(settings),
    config: join(home, 'etc', 'config.properties'),
    'log.levels-file': join(home, 'etc', 'log.properties'),
    'jdk.attach.allowAttachSelf': 'true',
    'file.encoding': 'UTF-8',
  }
  const classPath = [join(install.folder, 'classes'), join(install.folder, 'server', '*')]
  return [
    `-Xmx${HEAP_MB}m`,
    '-XX:+UseSerialGC',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:-OmitStackTraceInFastThrow',
    '--add-modules=jdk.incubator.vector',
    ...Object.entries(system).map(([key, value]) => `-D${key}=${value}`),
    ...['-cp', classPath.join(':'), TRINO_MAIN_CLASS],
  ]
}

const POLL_MS = 100
const KEPT_LINES = 60

async function untilReady(child: GuardedProcess, settings: TrinoSettings): Promise<void> {
  const { port, workerOf } = settings
  const isReady = () =>
    workerOf === undefined ? answersQuery(port) : worksFor(workerOf, nodeId(settings))
  const lines: string[] = []
  const ended: { how?: string } = {}
  // Both are read to their end: a full pipe would stop the server.
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
    })
  }
  child.once('error', (error) => (ended.how = error.message))
  child.once('close', (code) => (ended.how ??= `ended with code ${code} before it was ready`))
  for (let waitedMs = 0; !(await isReady()); waitedMs += POLL_MS) {
    const how = ended.how ?? (waitedMs > START_MS_MAX ? 'was not ready in time' : undefined)
    if (how !== undefined) throw new Error(`Trino ${TRINO_VERSION} ${how}:\n${lines.join('\n')}`)
    await delay(POLL_MS)
  }
}

interface StatementAnswer {
  readonly nextUri?: string
  readonly data?: readonly (readonly unknown[])[]
  readonly error?: unknown
}

/** Whether a query that runs on the node succeeds: before that it has no node, or no answer. */
async function answersQuery(port: number): Promise<boolean> {
  const rows = await askFor(`http://127.0.0.1:${port}`, 'SELECT count(*) FROM system.runtime.nodes')
  return rows.length > 0
}

/** Whether the coordinating node gives work to another one. */
async function worksFor(coordinatorUrl: string, nodeId: string): Promise<boolean> {
  const active = "SELECT node_id FROM system.runtime.nodes WHERE state = 'active'"
  const rows = await askFor(coordinatorUrl, active)
  return rows.some(([id]) => id === nodeId)
}

/** The rows of a statement; none where it fails for whatever reason. */
async function askFor(url: string, body: string): Promise<readonly (readonly unknown[])[]> {
  const init = { headers: { 'X-Trino-User': 'test' } }
  const ask = async (place: string, more: RequestInit = {}): Promise<StatementAnswer> => {
    const signal = AbortSignal.timeout(30_000)
    const response = await fetch(place, { ...init, ...more, signal })
    return response.ok ? ((await response.json()) as StatementAnswer) : { error: response.status }
  }
  try {
    const rows: (readonly unknown[])[] = []
    let answer = await ask(`${url}/v1/statement`, { method: 'POST', body })
    while (answer.nextUri !== undefined) {
      answer = await ask(answer.nextUri)
      rows.push(...(answer.data ?? []))
    }
    return answer.error === undefined ? rows : []
  } catch {
    return []
  }
}
