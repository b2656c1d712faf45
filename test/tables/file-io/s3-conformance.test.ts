import { afterAll, beforeAll } from 'vitest'

import type { S3Account } from '../../../stack/start-s3-server.ts'
import type { S3FileIO } from '../../../tables/file-io/s3-file-io.ts'
import { createFaultyFileIO } from '../../support/faulty-file-io.ts'
import { createBucket, openS3, sharedS3 } from '../../support/s3-server.ts'
import { describeWithService } from '../../support/service.ts'
import { testFileIO } from './file-io-conformance.ts'

for (const server of ['minio', 'versitygw'] as const) {
  await describeWithService(server, `the S3 store ${server}`, () => {
    let account: S3Account
    let bucket: string
    let rootCount = 0
    const opened: S3FileIO[] = []
    beforeAll(async () => {
      account = await sharedS3(server)
      bucket = await createBucket(account)
    })
    afterAll(() => {
      for (const fileIO of opened) fileIO.close()
    })

    const open = (folder: string): S3FileIO => {
      const fileIO = openS3(account, folder)
      opened.push(fileIO)
      return fileIO
    }
    const newRoot = (): string => {
      rootCount += 1
      return `s3://${bucket}/lake-${rootCount}`
    }

    testFileIO(server, (folder) => ({ fileIO: open(folder), root: newRoot() }))
    testFileIO(`${server} behind a faulty store without faults`, (folder) => ({
      fileIO: createFaultyFileIO(open(folder), { faults: [] }),
      root: newRoot(),
    }))
  })
}
