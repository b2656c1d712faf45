import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createSeededRandom } from '../../pipelines/producers/seeded-random.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { startFaultyStore, type FaultyStore, type OpenedStore } from '../support/faulty-store.ts'
import type { HttpFault } from '../support/http-fault-proxy.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { makeStockHours, type StockHours } from '../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../support/stock-hours-loop.ts'
import { openStoreLake, readStoreFiles, removeOrphans } from '../support/store-lake.ts'

/** What strikes one request in five, and later all of them, from a point of a cut on. */
interface Weather {
  readonly name: string
  readonly passing: readonly HttpFault[]
  readonly lasting: readonly HttpFault[]
  /** `start`: before the process has read anything of the lake. */
  readonly from: 'start' | keyof CommitHooks
  /** An S3 answer that does not say how long it is, is refused as it comes. */
  readonly only?: 'hdfs'
}

const SLOW_MS = 20
const slow: HttpFault = { how: 'none', before: () => delay(SLOW_MS) }
const reset: HttpFault = { how: 'reset' }
const storm: HttpFault = { how: 'answer', status: 503 }
const truncated: HttpFault = { how: 'truncate', method: 'GET' }
const tooShort: HttpFault = { how: 'cut-quietly', method: 'GET' }
/** At HDFS it is CREATE and RENAME of a NameNode, and the bytes that a DataNode takes. */
const lost: HttpFault = { how: 'drop-after', method: 'PUT' }

const weathers: readonly Weather[] = [
  { name: 'connections are reset', passing: [reset], lasting: [reset], from: 'dataFilesWritten' },
  { name: 'all is answered by 503', passing: [storm], lasting: [storm], from: 'staged' },
  { name: 'answers break off', passing: [truncated], lasting: [truncated], from: 'start' },
  {
    name: 'answers end too early',
    ...{ passing: [tooShort], lasting: [tooShort], from: 'start', only: 'hdfs' },
  },
  {
    name: 'answers are lost after a PUT or a RENAME',
    ...{ passing: [lost], lasting: [lost], from: 'dataFilesWritten' },
  },
  {
    name: 'answers are lost after tables got their metadata',
    ...{ passing: [lost], lasting: [lost], from: 'commitSent' },
  },
  {
    name: 'servers are slow, and then silent',
    ...{ passing: [slow], lasting: [{ how: 'stall' }], from: 'staged' },
  },
]

/** One that the weather passes over, and one in which it stays. */
const MINUTES_EACH = 2
const late = new Map([
  [3, 'one'],
  [9, 'many'],
] as const)
const hoursOf = (minuteCount: number): StockHours => makeStockHours(minuteCount, late)

/** What one writer that nothing befalls makes of it, by the count of minutes. */
const straight = new Map<number, Record<string, string>>()

async function fillStraight(): Promise<void> {
  const minuteCounts = weathers.map((_, index) => (index + 1) * MINUTES_EACH)
  const clock = clockAfter(hoursOf(weathers.length * MINUTES_EACH))
  const lake = await openMemoryLake({ clock })
  try {
    for (const minuteCount of minuteCounts) {
      await runStockHours(lake, clock, hoursOf(minuteCount))
      straight.set(minuteCount, await readContentHashes(lake))
    }
  } finally {
    await lake.close()
  }
}

for (const service of ['minio', 'hdfs'] as const) {
  await describeWithService(service, `a lake on ${service} behind a bad network`, () => {
    let folder: string
    let store: FaultyStore
    let past: OpenedStore
    let startCount = 0

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-store-faults-'))
      store = await startFaultyStore[service](folder)
      past = store.openPast()
      if (straight.size === 0) await fillStraight()
    })
    afterAll(async () => {
      past.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    })

    /** One process: it takes in what the lake has not yet, until it is done or dies. */
    async function run(
      minuteCount: number,
      triesMax: number,
      weather?: Pick<Weather, 'lasting' | 'from'>,
    ): Promise<void> {
      const hours = hoursOf(minuteCount)
      const clock = clockAfter(hours)
      const fileIO = store.open(`copies-${(startCount += 1)}`, {
        retry: { triesMax },
        isImpatient: weather?.lasting.some(({ how }) => how === 'stall') ?? false,
      })
      const strike = async () => store.arm(...(weather?.lasting ?? []))
      const hooks =
        weather === undefined || weather.from === 'start' ? {} : { [weather.from]: strike }
      try {
        const lake = await openStoreLake(fileIO, { root: store.root, folder, clock })
        if (weather?.from === 'start') await strike()
        try {
          await runStockHours(lake, clock, hours, hooks, () => Promise.resolve())
        } finally {
          await lake.close()
        }
      } finally {
        fileIO.close()
      }
    }

    const here = weathers
      .map((weather, index) => ({ ...weather, index }))
      .filter(({ only }) => only === undefined || only === service)

    it.each(here)(
      'loses nothing and doubles nothing where $name',
      async ({ passing, lasting, from, index }) => {
        const random = createSeededRandom(index + 1)
        let struckCount = 0
        const isStruck = (): boolean => {
          const isNow = random.next() < 0.2
          if (isNow) struckCount += 1
          return isNow
        }
        store.arm(...passing.map((fault) => ({ ...fault, isStruck })))
        await run((index + 1) * MINUTES_EACH - 1, 12)
        expect(struckCount).toBeGreaterThan(0)

        const minuteCount = (index + 1) * MINUTES_EACH
        store.arm()
        const died = run(minuteCount, 3, { lasting, from })
        await expect(died).rejects.toMatchObject({
          kind: expect.stringMatching(/^(storage-unavailable|commit-state-unknown)$/) as unknown,
        })

        store.arm()
        await run(minuteCount, 3)
        await expectWhole(minuteCount)
      },
    )

    /** The lake holds what one in memory holds, and the store nothing that is not known. */
    async function expectWhole(minuteCount: number): Promise<void> {
      const clock = clockAfter(hoursOf(minuteCount))
      const lake = await openStoreLake(past, { root: store.root, folder, clock })
      try {
        expect(await receiptProblems(lake)).toEqual([])
        expect(await readContentHashes(lake)).toEqual(straight.get(minuteCount))
        const { all, named, orphans } = await readStoreFiles(lake, store.root)
        expect(named.filter((location) => !all.includes(location))).toEqual([])
        expect([...named, ...orphans].sort()).toEqual(all)
      } finally {
        await lake.close()
      }
    }

    it('is left by the removal of orphans with what its tables name alone', async () => {
      const minuteCount = weathers.length * MINUTES_EACH
      const clock = clockAfter(hoursOf(minuteCount))
      const lake = await openStoreLake(past, { root: store.root, folder, clock })
      expect((await removeOrphans(lake)).length).toBeGreaterThan(0)
      const { all, named, orphans } = await readStoreFiles(lake, store.root)
      expect(orphans).toEqual([])
      expect(all).toEqual(named)
      await lake.close()
      await expectWhole(minuteCount)
    })
  })
}
