import { afterAll, beforeAll } from 'vitest'
import { openMixedStockLake } from '../support/mixed-stock-lake.ts'
import { describeWithService } from '../support/service.ts'
import { sharedTrino, type TestTrino } from '../support/trino.ts'
import { describeTrinoReads } from './trino/reads-our-lake.ts'
import { describeTrinoStoreWrites } from './trino/writes-on-stores.ts'

/** Its bronze tables lie on HDFS, gold on MinIO, silver on the local disk. */
await describeWithService(['trino', 'minio', 'hdfs'], 'Trino on a lake of three stores', () => {
  let trino: TestTrino
  beforeAll(async () => {
    trino = await sharedTrino()
  })
  afterAll(() => trino.close())

  describeTrinoReads(() => trino, openMixedStockLake)
  describeTrinoStoreWrites(() => trino)
})
