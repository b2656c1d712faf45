import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { LakeStores } from '../../pipelines/lake/lake-stores.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { type HdfsCluster, startHdfs } from '../../stack/hdfs.ts'
import type { S3Account } from '../../stack/start-s3-server.ts'
import { type Clock, randomIds } from '../../tables/clock.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import { missingFiles } from '../support/missing-files.ts'
import { receiptProblems } from '../support/receipts.ts'
import { createBucket, sharedS3 } from '../support/s3-server.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice } from '../support/sluice-process.ts'
import { makeStockHours } from '../support/stock-hours.ts'
import { clockAfter, runStockHours, straightHashes } from '../support/stock-hours-loop.ts'
import { dieAt } from '../tables/commit/journal-lake.ts'

const hours = makeStockHours(40, new Map([[30, 'one']]))

/** Where the writer ends, one start after the other. */
const deaths: readonly (readonly [keyof CommitHooks, number])[] = [
  ['dataFilesWritten', 3],
  ['staged', 4],
  ['commitSent', 2],
  ['commitLanded', 5],
]

await describeWithService(['minio', 'hdfs'], 'a lake on HDFS, MinIO and local disk', () => {
  let folder: string
  let account: S3Account
  let hdfs: HdfsCluster
  let stores: LakeStores
  let straight: Record<string, string>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-mixed-'))
    account = await sharedS3('minio')
    hdfs = await startHdfs()
    const bucket = await createBucket(account)
    stores = {
      warehouses: {
        bronze: `${hdfs.rootLocation}/lake one`,
        gold: `s3://${bucket}/lake one`,
        sluice: `s3://${bucket}/lake one`,
      },
      s3: { endpoint: account.endpoint, region: account.region },
      hdfs: { nameNodes: [hdfs.webUrl], user: 'sluice' },
    }
    straight = await straightHashes(hours)
  })
  afterAll(async () => {
    await hdfs.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const directory = (): string => join(folder, 'lake')
  const open = (clock: Clock): Promise<Lake> =>
    openLake({
      ...{ directory: directory(), clock, ids: randomIds, createIfMissing: true, stores },
      secrets: { s3: account },
    })

  async function sql(...args: readonly string[]): Promise<unknown> {
    const asked = await runSluice(['sql', '--lake', directory(), '--json', ...args], {
      env: {
        AWS_ACCESS_KEY_ID: account.accessKeyId,
        AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
      },
    })
    expect(asked.code, asked.stderr).toBe(0)
    return JSON.parse(asked.stdout)
  }

  it('is what local disk holds, in one cut after the other, though its writer dies', async () => {
    const clock = clockAfter(hours)
    for (const [point, nth] of deaths) {
      const lake = await open(clock)
      await expect(runStockHours(lake, clock, hours, dieAt(point, nth))).rejects.toThrow('killed')
      await lake.close()
    }
    const lake = await open(clock)
    await runStockHours(lake, clock, hours)
    expect(await receiptProblems(lake)).toEqual([])
    expect(await readContentHashes(lake)).toEqual(straight)
    const places = await Promise.all(
      ['bronze.trade_messages', 'silver.trades', 'gold.bars'].map(async (name) => {
        const table = await lake.catalog.loadTable(tableId(name))
        return table?.metadata.location
      }),
    )
    expect(places).toEqual([
      `${stores.warehouses?.['bronze']}/bronze/trade_messages`,
      `file://${directory()}/warehouse/silver/trades`,
      `${stores.warehouses?.['gold']}/gold/bars`,
    ])
    await lake.close()
  })

  it('names no file that is missing in its store', async () => {
    const lake = await open(clockAfter(hours))
    for (const namespace of await lake.catalog.listNamespaces()) {
      for (const identifier of await lake.catalog.listTables(namespace)) {
        const table = await lake.catalog.loadTable(identifier)
        if (table !== undefined) expect(await missingFiles(lake.fileIO, table)).toEqual([])
      }
    }
    await lake.close()
  })

  it('is queried by a process that knows its folder and its account, at any cut', async () => {
    const lake = await open(clockAfter(hours))
    const [bars] = await readRows<{ n: bigint }>(lake, 'gold.bars', 'SELECT count(*) n FROM t')
    await lake.close()
    const all = `SELECT (SELECT count(*) FROM gold.bars) AS bars,
      (SELECT count(*) FROM bronze.trade_messages) AS messages, max(event_ts) AS newest
      FROM silver.trades`
    const now = (await sql(all)) as { rows?: unknown }
    expect(JSON.stringify(now)).toContain(String(bars?.n))
    const before = await sql('--cut', '5', all)
    expect(before).not.toEqual(now)
  })

  it('says where its tables lie', async () => {
    const said = await runSluice(['status', '--lake', directory()], {
      env: {
        AWS_ACCESS_KEY_ID: account.accessKeyId,
        AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
      },
    })
    expect(said.code, said.stderr).toBe(0)
    expect(said.stdout).toMatch(/^tables .* live, in its own folder, bronze in hdfs:.*gold in s3:/m)
    expect(said.stdout).not.toContain(account.secretAccessKey)
  })

  it('reads files of stores as copies on disk, which end with the lake', async () => {
    const copies = join(directory(), '_cache')
    expect((await readdir(join(copies, 'files'))).length).toBeGreaterThan(0)
    expect(await readdir(join(copies, 'open'))).toEqual([])
  })
})
