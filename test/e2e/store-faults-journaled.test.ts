import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { Catalog } from '../../tables/catalog/catalog.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { startFaultyStore, type FaultyStore, type OpenedStore } from '../support/faulty-store.ts'
import type { HttpFault } from '../support/http-fault-proxy.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { makeStockHours } from '../support/stock-hours.ts'
import { clockAfter, runStockHours, straightHashes } from '../support/stock-hours-loop.ts'
import {
  openStoreLake,
  openTableWiseCatalog,
  readStoreFiles,
  removeOrphans,
} from '../support/store-lake.ts'
import { dieAt } from '../tables/commit/journal-lake.ts'

const hours = makeStockHours(14, new Map([[6, 'one']]))
const TRIES_MAX = 3

/** Where the writer ends, one start after the other. */
const deaths: readonly (readonly [keyof CommitHooks, number])[] = [
  ['journalWritten', 2],
  ['tableCommitted', 3],
  ['tableCommitted', 12],
  ['commitLanded', 1],
]

/** What befalls the journal of a cut, and from which point of a cut on. */
const journalFaults: readonly (readonly [keyof CommitHooks, ...HttpFault[]])[] = [
  // It is not taken.
  ['commitLanded', { how: 'answer', status: 503, method: 'PUT', url: /journals/ }],
  // It is taken, and the answer is lost.
  ['commitLanded', { how: 'drop-after', method: 'PUT', url: /journals/ }],
  // What is written beside it, before it or on the way to it, stays there.
  [
    'commitSent',
    { how: 'reset', method: 'PUT', url: /journals.*op=RENAME/ },
    { how: 'reset', method: 'DELETE', url: /journals/ },
  ],
]

for (const service of ['minio', 'hdfs'] as const) {
  await describeWithService(service, `a lake on ${service} whose cuts are journaled`, () => {
    let folder: string
    let store: FaultyStore
    let past: OpenedStore
    let catalog: Catalog
    let startCount = 0

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-journaled-'))
      store = await startFaultyStore[service](folder)
      past = store.openPast()
      catalog = openTableWiseCatalog(past, { root: store.root, folder, clock: clockAfter(hours) })
    })
    afterAll(async () => {
      past.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    })

    /** One process: it takes in what the lake has not yet, until it is done or dies. */
    async function run(hooks?: CommitHooks): Promise<void> {
      const clock = clockAfter(hours)
      const fileIO = store.open(`copies-${(startCount += 1)}`, { retry: { triesMax: TRIES_MAX } })
      try {
        const lake = await openStoreLake(fileIO, { root: store.root, folder, clock }, catalog)
        try {
          await runStockHours(lake, clock, hours, hooks, () => Promise.resolve())
        } finally {
          await lake.close()
        }
      } finally {
        fileIO.close()
      }
    }

    it('goes on after each death and each fault, with nothing lost, doubled or unknown', async () => {
      for (const [point, nth] of deaths) {
        await expect(run(dieAt(point, nth))).rejects.toThrow('killed')
      }
      for (const [point, ...faults] of journalFaults) {
        let struckCount = 0
        const isStruck = (): boolean => (struckCount += 1) > 0
        const strike = async (): Promise<void> =>
          store.arm(...faults.map((fault) => ({ ...fault, isStruck })))
        // Where the store gets over it, the process is killed all the same.
        await run({ ...dieAt('staged', 3), [point]: strike }).catch((error: unknown) => {
          const isTold =
            isErrorKind(error, 'storage-unavailable') || isErrorKind(error, 'commit-state-unknown')
          if (!isTold) expect(error).toMatchObject({ message: 'killed' })
        })
        expect(struckCount).toBeGreaterThan(0)
        store.arm()
      }
      await run()
      const clock = clockAfter(hours)
      const lake = await openStoreLake(past, { root: store.root, folder, clock }, catalog)
      expect(await receiptProblems(lake)).toEqual([])
      expect(await readContentHashes(lake)).toEqual(await straightHashes(hours))
      const { all, named, orphans } = await readStoreFiles(lake, store.root)
      expect(named.filter((location) => !all.includes(location))).toEqual([])
      expect([...named, ...orphans].sort()).toEqual(all)
      expect(orphans.some((location) => location.includes('journals'))).toBe(true)
      await removeOrphans(lake)
      expect((await readStoreFiles(lake, store.root)).all).toEqual(named)
      await lake.close()
    })
  })
}
