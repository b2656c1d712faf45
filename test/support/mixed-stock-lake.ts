import { join } from 'node:path'
import { compactTables } from '../../pipelines/lake/compact-tables.ts'
import type { LakeStores } from '../../pipelines/lake/lake-stores.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { tagLake } from '../../pipelines/lake/tag-lake.ts'
import { withMaintainedLake } from '../../pipelines/lake/with-maintained-lake.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import type { S3Account } from '../../stack/start-s3-server.ts'
import type { TrinoStores } from '../../stack/trino-settings.ts'
import { type Clock, randomIds } from '../../tables/clock.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { type HdfsAddress, newHdfsRoot, sharedHdfs } from './hdfs-server.ts'
import { makeOnce } from './make-once.ts'
import { createTestClock } from './memory-lake.ts'
import { createBucket, sharedS3 } from './s3-server.ts'
import { MINUTE_US, STOCK_HOURS_START_US } from './stock-hours.ts'
import { fillStockLake, readStates, type StockLake, type StockLakeMinutes } from './stock-lake.ts'

const PER_CUT = 10

/** Fewer cuts than on local disk: each is more than a second of requests to the stores. */
const minutes: StockLakeMinutes = {
  ...{ count: 120, perCut: PER_CUT, late: 80, veryLate: 100 },
  ...{ earlyCut: 7, taggedCut: 4 },
}

/** A lake whose bronze lies on HDFS, whose gold and sluice lie on MinIO, and silver on disk. */
export interface MixedStockLake extends StockLake {
  readonly stores: LakeStores
  readonly account: S3Account
  readonly hdfs: HdfsAddress
  readonly trinoStores: TrinoStores
}

interface KeptFacts {
  readonly states: StockLake['states']
  readonly stores: LakeStores
}

/**
 * A lake on three kinds of stores that the loop made, with late repairs, a tag `kept`, and then
 * compacted. The suites of one run share it; they may add tables of their own, and change none of
 * the lake's. The caller closes it.
 */
export async function openMixedStockLake(): Promise<MixedStockLake> {
  const [account, hdfs] = await Promise.all([sharedS3('minio'), sharedHdfs()])
  const clock = createTestClock(STOCK_HOURS_START_US + BigInt(PER_CUT) * MINUTE_US)
  const { folder, facts } = await makeOnce('mixed lake', async (made): Promise<KeptFacts> => {
    const stores = await mixedStores(account, hdfs)
    return makeLake(join(made, LAKE), { stores, account, clock })
  })
  const { states, stores } = facts
  const lake = await open(join(folder, LAKE), { stores, account, clock })
  const trinoStores = { s3: account, hdfsConfigFolder: hdfs.configFolder }
  return { lake, states, stores, account, hdfs, trinoStores }
}

const LAKE = 'lake'

async function mixedStores(account: S3Account, hdfs: HdfsAddress): Promise<LakeStores> {
  const onS3 = `s3://${await createBucket(account)}/lake one`
  return {
    warehouses: { bronze: `${newHdfsRoot(hdfs)}/lake one`, gold: onS3, sluice: onS3 },
    s3: { endpoint: account.endpoint, region: account.region },
    hdfs: { nameNodes: [hdfs.webUrl], user: 'sluice' },
  }
}

interface LakeParts {
  readonly stores: LakeStores
  readonly account: S3Account
  readonly clock: Clock
}

function open(directory: string, { stores, account, clock }: LakeParts): Promise<Lake> {
  const secrets = { s3: account }
  return openLake({ directory, clock, ids: randomIds, createIfMissing: true, stores, secrets })
}

async function makeLake(
  directory: string,
  parts: LakeParts & { readonly clock: ReturnType<typeof createTestClock> },
): Promise<KeptFacts> {
  const { stores, account, clock } = parts
  const made = await open(directory, parts)
  await fillStockLake(made, clock, minutes)
  await tagLake(made, 'kept', minutes.taggedCut)
  await made.close()
  const tables = allTables.map(({ name }) => tableId(name))
  const secrets = { s3: account }
  await withMaintainedLake(
    { directory, purpose: 'test', clock, ids: randomIds, secrets },
    (maintained) => compactTables(maintained, tables, { strategy: 'bin-pack', leastFileCount: 2 }),
  )
  const lake = await open(directory, parts)
  const states = await readStates(lake, minutes)
  await lake.close()
  return { states, stores }
}
