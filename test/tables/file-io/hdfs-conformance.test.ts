import { afterAll, beforeAll } from 'vitest'

import type { HdfsFileIO, HdfsFileIOOptions } from '../../../tables/file-io/hdfs-file-io.ts'
import { createFaultyFileIO } from '../../support/faulty-file-io.ts'
import { newHdfsRoot, openHdfs, sharedHdfs, type HdfsAddress } from '../../support/hdfs-server.ts'
import { describeWithService } from '../../support/service.ts'
import { testFileIO } from './file-io-conformance.ts'

await describeWithService('hdfs', 'the HDFS store', () => {
  let address: HdfsAddress
  const opened: HdfsFileIO[] = []
  beforeAll(async () => {
    address = await sharedHdfs()
  })
  afterAll(() => {
    for (const fileIO of opened) fileIO.close()
  })

  const open = (folder: string, options: Partial<HdfsFileIOOptions> = {}): HdfsFileIO => {
    const fileIO = openHdfs(address, folder, options)
    opened.push(fileIO)
    return fileIO
  }

  testFileIO('HDFS', (folder) => ({ fileIO: open(folder), root: newHdfsRoot(address) }))
  testFileIO('HDFS by redirects', (folder) => ({
    fileIO: open(folder, { noRedirect: false }),
    root: newHdfsRoot(address),
  }))
  testFileIO('HDFS behind a faulty store without faults', (folder) => ({
    fileIO: createFaultyFileIO(open(folder), { faults: [] }),
    root: newHdfsRoot(address),
  }))
})
