import { join } from 'node:path'

import type { S3Account } from '../../stack/start-s3-server.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import type { RetryPolicy } from '../../tables/file-io/retry-with-backoff.ts'
import { newHdfsRoot, openHdfs, sharedHdfs } from './hdfs-server.ts'
import { startHttpFaultProxy, type HttpFault } from './http-fault-proxy.ts'
import { createBucket, openS3, sharedS3 } from './s3-server.ts'

export type OpenedStore = FileIO & { close(): void }

export interface FaultyStoreOptions {
  readonly retry?: Partial<RetryPolicy>
  /** Takes a server that says nothing for half a second for dead: of one that never will. */
  readonly isImpatient?: boolean
}

/** A store behind proxies that strike as they are told. */
export interface FaultyStore {
  /** Where a lake of this test may lie: nobody else writes below it. */
  readonly root: string
  /** Of the S3 server itself, where it is one. */
  readonly account?: S3Account
  /**
   * As a new process reaches it, through the proxies. It never waits between two tries.
   * @param name of a folder for its copies, its own
   */
  open(name: string, options?: FaultyStoreOptions): OpenedStore
  /** Past the proxies. */
  openPast(): OpenedStore
  /** These faults, and no others any more. */
  arm(...faults: readonly HttpFault[]): void
  close(): Promise<void>
}

const noWait = (): Promise<void> => Promise.resolve()
const IMPATIENCE_MS = 500

async function faultyMinio(folder: string): Promise<FaultyStore> {
  const account = await sharedS3('minio')
  const proxy = await startHttpFaultProxy(account.endpoint)
  const behind = { ...account, endpoint: proxy.url }
  return {
    root: `s3://${await createBucket(account)}/a lake`,
    account,
    open: (name, { retry, isImpatient } = {}) => {
      const patience = isImpatient === true ? { idleTimeoutMs: IMPATIENCE_MS } : {}
      return openS3(behind, join(folder, name), { retry, wait: noWait, ...patience })
    },
    openPast: () => openS3(account, join(folder, 'past')),
    arm: proxy.arm,
    close: proxy.close,
  }
}

async function faultyHdfs(folder: string): Promise<FaultyStore> {
  const address = await sharedHdfs()
  const nameNode = await startHttpFaultProxy(address.webUrl)
  const dataNode = await startHttpFaultProxy(address.dataNodeUrl)
  const reached = {
    nameNodes: [nameNode.url],
    dataNodeHosts: { [new URL(address.dataNodeUrl).host]: new URL(dataNode.url).host },
    wait: noWait,
  }
  return {
    root: `${newHdfsRoot(address)}/a lake`,
    open: (name, { retry, isImpatient } = {}) => {
      const patience = isImpatient === true ? { timeoutMs: IMPATIENCE_MS } : {}
      return openHdfs(address, join(folder, name), { ...reached, retry, ...patience })
    },
    openPast: () => openHdfs(address, join(folder, 'past')),
    arm: (...faults) => {
      for (const proxy of [nameNode, dataNode]) proxy.arm(...faults)
    },
    close: async () => {
      await Promise.all([nameNode.close(), dataNode.close()])
    },
  }
}

/** By the service that a suite needs; `folder` is the caller's, for copies on this machine. */
export const startFaultyStore = { minio: faultyMinio, hdfs: faultyHdfs } as const
