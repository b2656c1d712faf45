import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { startHdfsDaemon } from './hdfs-daemon.ts'
import type { HdfsDaemon } from './hdfs-daemon.ts'
import hdfsJars from './hdfs-jars.json' with { type: 'json' }
import { untilDataNodeReady, untilNameNodeReady } from './hdfs-ready.ts'
import { configurationXml, coreSite, HDFS_LOG_TO_STDERR, hdfsSite } from './hdfs-settings.ts'
import type { HdfsPorts } from './hdfs-settings.ts'
import { installOnce } from './install-once.ts'
import { findJava } from './java.ts'
import { downloadJars } from './maven.ts'
import { runCommand } from './run-command.ts'

/** Hadoop's version; docker-compose.yml names the same. */
export const HDFS_VERSION: string = hdfsJars.version
/** Where in the cache it is installed. */
export const HDFS_FOLDER = `hdfs-${HDFS_VERSION}`

/** A running HDFS of one NameNode and one DataNode, either of which can be killed alone. */
export interface HdfsCluster {
  /** `hdfs://127.0.0.1:port`, the root of its locations. */
  readonly rootLocation: string
  /** `http://127.0.0.1:port` of the NameNode, the root of WebHDFS. */
  readonly webUrl: string
  /** `http://127.0.0.1:port` of the DataNode, where WebHDFS sends a client on to. */
  readonly dataNodeUrl: string
  /** A folder with core-site.xml and hdfs-site.xml, for other Hadoop clients. */
  readonly configFolder: string
  /** The Java processes that run now, for measuring them. */
  pids(): readonly number[]
  /** SIGKILL; its data stay. */
  killNameNode(): Promise<void>
  /** Starts it on its old ports and data; resolves once it takes writes. */
  startNameNode(): Promise<void>
  /** SIGKILL; its data stay. */
  killDataNode(): Promise<void>
  /** Starts it on its old ports and data; resolves once the NameNode knows of it. */
  startDataNode(): Promise<void>
  /** Hadoop's `dfsadmin`, for example `['-safemode', 'enter']`; what it printed. */
  runAdmin(args: readonly string[]): Promise<string>
  /** Ends both and removes their data. A second call does nothing. */
  stop(): Promise<void>
}

export interface HdfsOptions {
  /** Where its data lie and stay; a temporary folder that `stop` removes where it is left out. */
  readonly folder?: string
  /** Free ones where they are left out. */
  readonly ports?: HdfsPorts
  /** Heap of each of both. 256 MB where it is left out. */
  readonly heapMb?: number
  /** A file that the logs of both are added to. */
  readonly logPath?: string
}

interface HdfsInstall {
  readonly java: string
  readonly jarFolder: string
}

/** One cluster's files and how Java is started for it. */
interface HdfsHome {
  readonly java: string
  readonly configFolder: string
  readonly javaArgs: readonly string[]
}

const START_TRIES = 3

/**
 * Sees to Java and to Hadoop's jars (67 MB from Maven Central, once per machine). Throws
 * ServiceMissing where one of them cannot be had.
 */
export async function installHdfs(): Promise<HdfsInstall> {
  const java = await findJava()
  const jarFolder = await installOnce(HDFS_FOLDER, (folder) => downloadJars(hdfsJars.jars, folder))
  return { java, jarFolder }
}

/**
 * Formats and starts one NameNode and one DataNode on 127.0.0.1 and resolves once files can be
 * written (5-10 s). Permissions are off: every user may do everything. Both die with this process.
 */
export async function startHdfs(options: HdfsOptions = {}): Promise<HdfsCluster> {
  const install = await installHdfs()
  const isKept = options.folder !== undefined
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sluice-hdfs-')))
  const clean = async (): Promise<void> => {
    if (!isKept) await rm(folder, { recursive: true, force: true })
  }
  try {
    const cluster = await startOnPorts(install, folder, options)
    return {
      ...cluster,
      stop: async () => {
        await cluster.stop()
        await clean()
      },
    }
  } catch (error) {
    await clean()
    throw error
  }
}

/** A port that was free can be taken before Java binds it: such a start is made again. */
async function startOnPorts(
  install: HdfsInstall,
  folder: string,
  options: HdfsOptions,
): Promise<HdfsCluster> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = options.ports ?? (await freeHdfsPorts())
    const home = await layOut(install, folder, { ports, heapMb: options.heapMb ?? 256 })
    await formatOnce(home, folder)
    const cluster = clusterOf(home, ports, options.logPath)
    try {
      await Promise.all([cluster.startNameNode(), cluster.startDataNode()])
      return cluster
    } catch (error) {
      await cluster.stop()
      const isPortTaken = /Address already in use|Port in use/.test(String(error))
      if (!isPortTaken || options.ports !== undefined || attempt === START_TRIES) throw error
    }
  }
}

async function freeHdfsPorts(): Promise<HdfsPorts> {
  const [nameNodeRpc, nameNodeHttp, dataNodeHttp, dataNodeTransfer, dataNodeIpc] =
    await freePorts(5)
  if (nameNodeRpc === undefined || nameNodeHttp === undefined) throw new Error('no free ports')
  if (dataNodeHttp === undefined || dataNodeTransfer === undefined || dataNodeIpc === undefined) {
    throw new Error('no free ports')
  }
  return { nameNodeRpc, nameNodeHttp, dataNodeHttp, dataNodeTransfer, dataNodeIpc }
}

/** Writes the configuration. */
async function layOut(
  install: HdfsInstall,
  folder: string,
  { ports, heapMb }: { readonly ports: HdfsPorts; readonly heapMb: number },
): Promise<HdfsHome> {
  const configFolder = join(folder, 'conf')
  // The jars of Maven Central hold no web pages, and without these folders no HTTP server starts.
  for (const name of ['hdfs', 'datanode', 'static']) {
    await mkdir(join(configFolder, 'webapps', name), { recursive: true })
  }
  const files = {
    'core-site.xml': configurationXml(coreSite(ports, folder)),
    'hdfs-site.xml': configurationXml(hdfsSite(ports, folder)),
    'log4j.properties': HDFS_LOG_TO_STDERR,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(configFolder, name), text)
  const classPath = [configFolder, join(install.jarFolder, '*')].join(delimiter)
  return {
    java: install.java,
    configFolder,
    javaArgs: [
      // On Java 17 every WebHDFS call is answered by 500 without it.
      '--add-opens=java.base/java.lang=ALL-UNNAMED',
      `-Xmx${heapMb}m`,
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Djava.net.preferIPv4Stack=true',
      '-Djava.awt.headless=true',
      '-cp',
      classPath,
    ],
  }
}

/** Makes an empty file system, where the folder holds none yet. */
async function formatOnce(home: HdfsHome, folder: string): Promise<void> {
  const isFormatted = await stat(join(folder, 'namenode', 'current', 'VERSION')).catch(() => false)
  if (isFormatted !== false) return
  await runCommand(home.java, [...home.javaArgs, NAME_NODE, '-format', '-nonInteractive', '-force'])
}

function clusterOf(home: HdfsHome, ports: HdfsPorts, logPath: string | undefined): HdfsCluster {
  const webUrl = `http://127.0.0.1:${ports.nameNodeHttp}`
  const dataNodeUrl = `http://127.0.0.1:${ports.dataNodeHttp}`
  let nameNode: HdfsDaemon | undefined
  let dataNode: HdfsDaemon | undefined
  const start = (mainClass: string) =>
    startHdfsDaemon(home.java, [...home.javaArgs, mainClass], {
      name: `${mainClass} ${HDFS_VERSION}`,
      logPath,
    })
  return {
    rootLocation: `hdfs://127.0.0.1:${ports.nameNodeRpc}`,
    webUrl,
    dataNodeUrl,
    configFolder: home.configFolder,
    pids: () => [nameNode, dataNode].flatMap((daemon) => daemon?.pid ?? []),
    killNameNode: async () => {
      await nameNode?.kill()
      nameNode = undefined
    },
    startNameNode: async () => {
      nameNode ??= start(NAME_NODE)
      await nameNode.whileRunning(untilNameNodeReady(webUrl))
    },
    killDataNode: async () => {
      await dataNode?.kill()
      dataNode = undefined
    },
    startDataNode: async () => {
      dataNode ??= start(DATA_NODE)
      await dataNode.whileRunning(untilDataNodeReady(dataNodeUrl))
    },
    runAdmin: async (args) => {
      const output = await runCommand(home.java, [...home.javaArgs, ADMIN, ...args])
      return output.stdout
    },
    stop: async () => {
      await Promise.all([nameNode?.stop(), dataNode?.stop()])
      nameNode = undefined
      dataNode = undefined
    },
  }
}

const NAME_NODE = 'org.apache.hadoop.hdfs.server.namenode.NameNode'
const DATA_NODE = 'org.apache.hadoop.hdfs.server.datanode.DataNode'
const ADMIN = 'org.apache.hadoop.hdfs.tools.DFSAdmin'
