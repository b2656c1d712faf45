import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { installOnce } from './install-once.ts'
import { findJava } from './java.ts'
import kafkaJars from './kafka-jars.json' with { type: 'json' }
import { kafkaSettings, propertiesText, type KafkaListener } from './kafka-settings.ts'
import { downloadJars } from './maven.ts'
import { runCommand } from './run-command.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import type { GuardedProcess } from './spawn-guarded.ts'
import { untilLogged } from './until-logged.ts'

/** The broker's version; docker-compose.yml names the same. */
export const KAFKA_VERSION: string = kafkaJars.version
/** Where in the cache it is installed. */
export const KAFKA_FOLDER = `kafka-${KAFKA_VERSION}`

/** A running one-node cluster. */
export interface KafkaNode {
  /** `127.0.0.1:port`, as clients want it. */
  readonly brokers: string
  /** Addresses of the further listeners, by name. */
  readonly listeners: ReadonlyMap<string, string>
  /** The Java process, for measuring it. */
  readonly pid: number
  /** Ends it, and removes its data where it chose the folder itself. A second call does nothing. */
  stop(): Promise<void>
}

export interface KafkaOptions {
  /** 512 MB where it is left out. */
  readonly heapMb?: number
  /** Where its data lie and stay; a temporary folder that `stop` removes where it is left out. */
  readonly folder?: string
  /** Free ones where they are left out. */
  readonly ports?: { readonly broker: number; readonly controller: number }
  /** A file that its log is added to. */
  readonly logPath?: string
  /** Beside the plain one, each on a free port of 127.0.0.1. */
  readonly listeners?: readonly KafkaListener[]
  /** `SCRAM-SHA-256=[name=…,password=…]`, known from the first start on. */
  readonly scramUsers?: readonly string[]
  /** Of the broker, over those of every node. */
  readonly settings?: Readonly<Record<string, string>>
}

interface KafkaInstall {
  readonly java: string
  readonly jarFolder: string
}

const START_MS_MAX = 120_000
const START_TRIES = 3

/**
 * Sees to Java and to the broker's jars (45 MB from Maven Central, once per machine). Throws
 * ServiceMissing where one of them cannot be had.
 */
export async function installKafka(): Promise<KafkaInstall> {
  const java = await findJava()
  const jarFolder = await installOnce(KAFKA_FOLDER, (folder) =>
    downloadJars(kafkaJars.jars, folder),
  )
  return { java, jarFolder }
}

/**
 * Starts one KRaft node on 127.0.0.1 and resolves once it takes requests. The node dies with this
 * process.
 */
export async function startKafkaNode(options: KafkaOptions = {}): Promise<KafkaNode> {
  const install = await installKafka()
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sluice-kafka-')))
  const clean = async (): Promise<void> => {
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
  }
  try {
    return await startOnPorts(install, folder, options, clean)
  } catch (error) {
    await clean()
    throw error
  }
}

/** A port that was free can be taken before Java binds it: such a start is made again. */
async function startOnPorts(
  install: KafkaInstall,
  folder: string,
  options: KafkaOptions,
  clean: () => Promise<void>,
): Promise<KafkaNode> {
  const { ports, logPath, heapMb = 512 } = options
  for (let attempt = 1; ; attempt += 1) {
    const [broker, controller] = (
      ports === undefined ? await freePorts(2) : [ports.broker, ports.controller]
    ).map((port) => `127.0.0.1:${port}`)
    if (broker === undefined || controller === undefined) throw new Error('no free ports')
    const home = options.folder ?? join(folder, `try-${attempt}`)
    const listeners = await placeListeners(options.listeners ?? [])
    const addresses = { broker, controller, listeners }
    const config = await formatNode(install, home, addresses, options)
    const args = javaArgs(install, home, heapMb)
    const child = spawnGuarded(install.java, [...args, 'kafka.Kafka', config], { logPath })
    try {
      await untilLogged(child, {
        name: `Kafka ${KAFKA_VERSION}`,
        ready: READY,
        timeoutMs: START_MS_MAX,
      })
      return nodeOf(child, addresses, clean)
    } catch (error) {
      await stopGuarded(child, 0)
      const isPortTaken = String(error).includes('Address already in use')
      if (!isPortTaken || ports !== undefined || attempt === START_TRIES) throw error
    }
  }
}

interface PlacedListener extends KafkaListener {
  readonly address: string
}

interface NodeAddresses {
  readonly broker: string
  readonly controller: string
  readonly listeners: readonly PlacedListener[]
}

async function placeListeners(
  listeners: readonly KafkaListener[],
): Promise<readonly PlacedListener[]> {
  const ports = await freePorts(listeners.length)
  return listeners.map((listener, index) => ({
    ...listener,
    address: `127.0.0.1:${String(ports[index])}`,
  }))
}

function nodeOf(
  child: GuardedProcess,
  { broker, listeners }: NodeAddresses,
  clean: () => Promise<void>,
): KafkaNode {
  return {
    brokers: broker,
    listeners: new Map(listeners.map(({ name, address }) => [name, address])),
    pid: child.pid ?? 0,
    stop: async () => {
      await stopGuarded(child)
      await clean()
    },
  }
}

/** Writes the config, and the empty log folder where there is none yet; gives the config's path. */
async function formatNode(
  install: KafkaInstall,
  home: string,
  addresses: NodeAddresses,
  { scramUsers = [], settings = {} }: KafkaOptions,
): Promise<string> {
  const logs = join(home, 'logs')
  await mkdir(home, { recursive: true })
  const config = join(home, 'server.properties')
  const all = { ...kafkaSettings(addresses, logs, addresses.listeners), ...settings }
  await writeFile(config, propertiesText(all))
  await writeFile(join(home, 'log4j2.properties'), LOG_TO_STDOUT)
  if (existsSync(join(logs, 'meta.properties'))) return config
  // 16 bytes in base64url. A leading '-' (1 in 64) would be read as an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  const tool = ['kafka.tools.StorageTool', 'format', '-c', config, '-t', clusterId]
  const users = scramUsers.flatMap((user) => ['--add-scram', user])
  await runCommand(install.java, [...javaArgs(install, home, 128), ...tool, ...users])
  return config
}

/** Flags of a short-lived node. */
function javaArgs(install: KafkaInstall, home: string, heapMb: number): string[] {
  return [
    `-Xmx${heapMb}m`,
    '-XX:+UseSerialGC',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${join(home, 'log4j2.properties')}`,
    '-cp',
    join(install.jarFolder, '*'),
  ]
}

const LOG_TO_STDOUT = `rootLogger.level = INFO
rootLogger.appenderRef.c.ref = C
appender.c.type = Console
appender.c.name = C
appender.c.layout.type = PatternLayout
appender.c.layout.pattern = %d{ISO8601} %p %c{1} %m%n
`

/** The broker logs this line once it is unfenced and its listener takes requests. */
const READY = 'Kafka Server started'
