import { afterAll, beforeAll } from 'vitest'
import { describeWithService } from '../support/service.ts'
import { sharedTrino, type TestTrino } from '../support/trino.ts'
import { describeTrinoCommitFaults } from './trino/commit-faults.ts'
import { describeTrinoForeignCommits } from './trino/foreign-commits.ts'
import { describeTrinoLaw } from './trino/reads-generated-lakes.ts'
import { describeTrinoReads } from './trino/reads-our-lake.ts'
import { describeTrinoWrites } from './trino/writes-beside-us.ts'

/** One server for all suites: its start is the dearest part. */
await describeWithService(['trino', 'duckdb-iceberg'], 'Trino', () => {
  let trino: TestTrino
  beforeAll(async () => {
    trino = await sharedTrino()
  })
  afterAll(() => trino.close())

  describeTrinoReads(() => trino)
  describeTrinoLaw(() => trino)
  describeTrinoWrites(() => trino)
  describeTrinoForeignCommits(() => trino)
  describeTrinoCommitFaults(() => trino)
})
