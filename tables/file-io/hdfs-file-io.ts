import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'

import { type Clock, type IdSource, randomIds, systemClock } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { systemCode } from './durable-file.ts'
import type { FileCache } from './file-cache.ts'
import type { FileIO } from './file-io.ts'
import { HDFS_SCHEME, hdfsPlaceOf } from './hdfs-location.ts'
import { downloadHdfsFile, readHdfsFile } from './hdfs-read.ts'
import { createHdfsRequests, deleteHdfsFile, listHdfsFiles, statHdfsFile } from './hdfs-requests.ts'
import { writeHdfsFile } from './hdfs-write.ts'
import { locationOfPath } from './local-location.ts'
import { missingFile } from './location.ts'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './retry-with-backoff.ts'
import { createWebHdfsClient, type WebHdfsOptions } from './webhdfs-client.ts'

export interface HdfsFileIOOptions extends WebHdfsOptions {
  /** Keeps what `localPath` gives to the engine, and a copy of what it adopted. */
  readonly cache: Pick<FileCache, 'path' | 'keep' | 'drop'>
  /**
   * `host:port` or name service of the locations that lie in this HDFS; others are refused. Any
   * where it is left out: then a location of another cluster is looked for in this one.
   */
  readonly authorities?: readonly string[] | undefined
  /** What is left out is as in HDFS_RETRY_POLICY. */
  readonly retry?: Partial<RetryPolicy> | undefined
  readonly clock?: Clock | undefined
  readonly ids?: IdSource | undefined
  /** Waits between two tries; by a timer where it is left out. */
  readonly wait?: ((waitMs: number) => Promise<void>) | undefined
}

export interface HdfsFileIO extends FileIO {
  /** Streams a file into a local one, which is replaced. Throws as `localPath` does. */
  download(location: string, targetPath: string): Promise<void>
  /** Closes its connections; nothing may be called afterwards. */
  close(): void
}

/** A NameNode that starts again, or leaves safe mode, within a minute is outlived. */
export const HDFS_RETRY_POLICY: RetryPolicy = { ...DEFAULT_RETRY_POLICY, triesMax: 20 }

/**
 * Files in HDFS (`hdfs://host:port/path`, `hdfs://nameservice/path`), by WebHDFS. A name is there
 * only with all of its bytes. What returned has been taken by every DataNode of its pipeline (by
 * `dfs.replication`) and by the NameNode's log: it outlives the loss of all but one of them. On
 * the disks of DataNodes it is at once where they are set to `dfs.datanode.synconclose`.
 *
 * @throws SluiceError `invalid-input` for an address of a NameNode that is none.
 */
export function createHdfsFileIO(options: HdfsFileIOOptions): HdfsFileIO {
  const { cache, clock = systemClock, ids = randomIds, wait } = options
  if (options.nameNodes.length === 0) throw noNameNode()
  const client = createWebHdfsClient(options)
  const policy = { ...HDFS_RETRY_POLICY, ...options.retry }
  const retry = { policy, clock, ids, ...(wait === undefined ? {} : { wait }) }
  const requests = createHdfsRequests(client, retry, (location) => pathOf(location, options))

  return {
    schemes: [HDFS_SCHEME],
    capabilities: { createIfAbsent: true },
    read: (location, range) => readHdfsFile(requests, location, range),
    write: async (location, bytes, { ifAbsent = false } = {}) => {
      await writeHdfsFile(requests, location, bytes.slice(), ifAbsent ? 'create' : 'replace')
      if (!ifAbsent) await cache.drop(location)
    },
    adopt: async (path, location) => {
      const sizeBytes = await localSize(path)
      const body = { sizeBytes, open: () => createReadStream(path) }
      await writeHdfsFile(requests, location, body, 'replace')
      // The file is in HDFS: that its copy cannot be kept is no failure.
      await cache.keep(location, path).catch(() => rm(path, { force: true }))
      return { sizeBytes }
    },
    delete: async (location) => {
      await deleteHdfsFile(requests, location)
      await cache.drop(location)
    },
    stat: (location) => statHdfsFile(requests, location),
    list: (prefix) => listHdfsFiles(requests, prefix),
    localPath: async (location, sizeBytes) => {
      requests.pathOf(location)
      const fetch = (target: string) => downloadHdfsFile(requests, location, target)
      return cache.path(location, fetch, sizeBytes)
    },
    download: (location, target) => downloadHdfsFile(requests, location, target),
    close: () => client.close(),
  }
}

function pathOf(location: string, { authorities }: HdfsFileIOOptions): string {
  const { authority, path } = hdfsPlaceOf(location)
  if (authorities === undefined || authorities.includes(authority)) return path
  throw new SluiceError(
    'invalid-input',
    `${location} lies in another HDFS than the one that is set up (${authorities.join(', ')}). ` +
      'Nothing was read or written; set up that one, or name it as another name of this one.',
    { context: { location } },
  )
}

async function localSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw missingFile(locationOfPath(path), error)
    throw error
  }
}

function noNameNode(): SluiceError {
  return new SluiceError(
    'invalid-input',
    'No NameNode of HDFS is named. Nothing was read or written; name one as http://host:9870.',
  )
}
