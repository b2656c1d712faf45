import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { HdfsCluster } from '../../stack/hdfs.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createFileCache } from '../../tables/file-io/file-cache.ts'
import { createHdfsFileIO } from '../../tables/file-io/hdfs-file-io.ts'
import type { HdfsFileIO, HdfsFileIOOptions } from '../../tables/file-io/hdfs-file-io.ts'
import { askSharedServer } from './ask-shared-server.ts'

/** Where an HDFS is. */
export type HdfsAddress = Pick<
  HdfsCluster,
  'rootLocation' | 'webUrl' | 'dataNodeUrl' | 'configFolder'
>

/** The HDFS that all suites of this run share; started on first use. Nobody may kill it. */
export async function sharedHdfs(): Promise<HdfsAddress> {
  return askSharedServer<HdfsAddress>('hdfs')
}

/** A location of a new name: what suites share an HDFS by. */
export function newHdfsRoot(address: HdfsAddress): string {
  return `${address.rootLocation}/test-${randomUUID()}`
}

/** The store under test, with its copies in a folder that the caller removes. */
export function openHdfs(
  address: HdfsAddress,
  folder: string,
  options: Partial<HdfsFileIOOptions> = {},
): HdfsFileIO {
  const cache = createFileCache({
    folder: join(folder, 'cache'),
    ownFolder: join(folder, 'cache', 'open'),
    bytesMax: 1024 * 1024,
    clock: systemClock,
    ids: randomIds,
  })
  return createHdfsFileIO({ nameNodes: [address.webUrl], user: 'sluice', cache, ...options })
}
