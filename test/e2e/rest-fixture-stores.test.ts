import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type RestFixture, startRestFixture } from '../../stack/iceberg-java.ts'
import { openRestCatalog } from '../../tables/catalog/rest-catalog.ts'
import { systemClock } from '../../tables/clock.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { startFaultyStore, type FaultyStore, type OpenedStore } from '../support/faulty-store.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { makeStockHours } from '../support/stock-hours.ts'
import { clockAfter, runStockHours, straightHashes } from '../support/stock-hours-loop.ts'
import { openStoreLake } from '../support/store-lake.ts'
import { dieAt } from '../tables/commit/journal-lake.ts'

const hours = makeStockHours(8, new Map([[6, 'one']]))

/** Where the writer ends, one start after the other. */
const deaths: readonly (readonly [keyof CommitHooks, number])[] = [
  ['journalWritten', 2],
  ['tableCommitted', 3],
  ['tableCommitted', 12],
  ['commitLanded', 1],
]

/** The server writes the metadata of the tables by its own way to the store. */
const places = [
  { service: 'minio', needed: ['minio', 'iceberg-java', 'iceberg-s3'] },
  { service: 'hdfs', needed: ['hdfs', 'iceberg-java'] },
] as const

for (const { service, needed } of places) {
  await describeWithService(needed, `a lake on ${service} by the reference REST server`, () => {
    let folder: string
    let store: FaultyStore
    let past: OpenedStore
    let fixture: RestFixture

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-fixture-'))
      store = await startFaultyStore[service](folder)
      past = store.openPast()
      const { root, account } = store
      const s3 = account === undefined ? {} : { s3: account }
      fixture = await startRestFixture({ warehouse: root, ...s3 })
    })
    afterAll(async () => {
      await fixture.stop()
      past.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    })

    const open = async () => {
      const clock = clockAfter(hours)
      const catalog = await openRestCatalog({ uri: fixture.uri, clock: systemClock })
      expect(catalog.capabilities.atomicMultiTable).toBe(false)
      return openStoreLake(past, { root: store.root, folder, clock }, catalog)
    }

    /** One process: it takes in what the lake has not yet, until it is done or dies. */
    async function run(hooks?: CommitHooks): Promise<void> {
      const lake = await open()
      try {
        await runStockHours(lake, clockAfter(hours), hours, hooks)
      } finally {
        await lake.close()
      }
    }

    it('goes on after each death of its writer, as if there had been none', async () => {
      for (const [point, nth] of deaths) {
        await expect(run(dieAt(point, nth))).rejects.toThrow('killed')
      }
      await run()
      const lake = await open()
      expect(await receiptProblems(lake)).toEqual([])
      expect(await readContentHashes(lake)).toEqual(await straightHashes(hours))
      const left: string[] = []
      for await (const file of lake.fileIO.list(`${store.root}/sluice/cuts.journals`)) {
        left.push(file.location)
      }
      expect(left).toEqual([])
      await lake.close()
    })
  })
}
