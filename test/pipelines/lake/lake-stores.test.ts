import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lakeDirectories } from '../../../pipelines/lake/lake-directories.ts'
import { namespaceLocation, type LakeStores } from '../../../pipelines/lake/lake-stores.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'

describe('the stores of a lake', () => {
  let folder: string
  let directory: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
    directory = join(folder, 'lake')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const open = (stores?: LakeStores): Promise<Lake> =>
    openLake({ directory, clock: systemClock, ids: randomIds, createIfMissing: true, stores })

  async function locationsOf(lake: Lake, ...names: string[]): Promise<(string | undefined)[]> {
    const tables = await Promise.all(names.map((name) => lake.catalog.loadTable(tableId(name))))
    return tables.map((table) => table?.metadata.location)
  }

  it('puts each namespace into its warehouse, and the rest into the lake', async () => {
    const lake = await open({ warehouses: { gold: `file://${folder}/elsewhere/` } })
    expect(await locationsOf(lake, 'gold.bars', 'silver.trades')).toEqual([
      `file://${folder}/elsewhere/gold/bars`,
      `file://${directory}/warehouse/silver/trades`,
    ])
    // What SQL of users may read.
    expect(await lakeDirectories(lake)).toEqual([directory, `${folder}/elsewhere/`])
    await lake.close()
  })

  it('remembers where they lie, so that the lake alone is enough to open it', async () => {
    const stores = { warehouse: `file://${folder}/w`, warehouses: { gold: `file://${folder}/g` } }
    await (await open(stores)).close()
    const again = await open()
    expect(await locationsOf(again, 'gold.bars', 'sluice.cuts')).toEqual([
      `file://${folder}/g/gold/bars`,
      `file://${folder}/w/sluice/cuts`,
    ])
    await again.close()
  })

  it('refuses other warehouses than the lake was made with, naming both', async () => {
    await (await open({ warehouse: `file://${folder}/w` })).close()
    const other = open({ warehouses: { gold: 's3://bucket/lake' } })
    await expect(other).rejects.toMatchObject({ kind: 'invalid-input' })
    await expect(other).rejects.toThrow(
      `in file://${folder}/w, and the config names its own folder, gold in s3://bucket/lake`,
    )
  })

  it('takes a new address of the same store', async () => {
    const warehouse = `file://${folder}/w`
    await (await open({ warehouse, s3: { endpoint: 'http://old:9000' } })).close()
    await (await open({ warehouse, s3: { endpoint: 'http://new:9000' } })).close()
    const file = JSON.parse(await readFile(join(directory, 'lake.json'), 'utf8')) as object
    expect(file).toMatchObject({ stores: { s3: { endpoint: 'http://new:9000' } } })
  })

  it('is no lake yet where its store never answered, so that the address can be corrected', async () => {
    const nobody = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1' }
    const wrong = openLake({
      ...{ directory, clock: systemClock, ids: randomIds, createIfMissing: true },
      stores: { warehouse: 's3://wrong/lake', s3: nobody },
      secrets: { s3: { accessKeyId: 'a', secretAccessKey: 'b' } },
    })
    await expect(wrong).rejects.toMatchObject({ kind: 'storage-unavailable' })
    const lake = await open({ warehouse: `file://${folder}/right` })
    expect(await locationsOf(lake, 'gold.bars')).toEqual([`file://${folder}/right/gold/bars`])
    await lake.close()
  })

  it('says where a namespace lies', () => {
    const stores = { warehouse: 's3://lake/all/', warehouses: { bronze: 'hdfs://name:8020/raw' } }
    expect(namespaceLocation(stores, 'bronze')).toBe('hdfs://name:8020/raw/bronze')
    expect(namespaceLocation(stores, 'gold')).toBe('s3://lake/all/gold')
    expect(namespaceLocation({}, 'gold')).toBeUndefined()
  })
})
