import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openStores, settleStores } from '../pipelines/lake/lake-stores.ts'
import { openEmbeddedCatalog } from '../tables/catalog/embedded-catalog.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { committedCut } from '../tables/spec/cut-history.ts'
import { tableId } from '../tables/spec/table-identifier.ts'

/** When a reader first saw a cut. */
export interface CutSighting {
  readonly cutNumber: number
  readonly seenUs: bigint
}

export interface CutWatch {
  /** Ends the watch, after one last look. Throws what a look has thrown. */
  stop(): Promise<readonly CutSighting[]>
}

/** A reader that only sees pointers: it looks this often. */
const LOOK_EVERY_MS = 10

/**
 * Reads the head of sluice.cuts again and again, through a catalog of its own on the lake's file:
 * what it sees, every reader of the lake can see.
 */
export async function watchCuts(lakeDirectory: string): Promise<CutWatch> {
  const directory = resolve(lakeDirectory)
  const own = { directory, clock: systemClock, ids: randomIds, secrets: undefined }
  const stores = await openStores({ ...own, stores: await settleStores(directory, undefined) })
  const catalog = openEmbeddedCatalog({
    path: join(directory, 'catalog.db'),
    warehouse: `${pathToFileURL(directory).href}/warehouse`,
    fileIO: stores.fileIO,
    clock: systemClock,
    ids: randomIds,
  })
  const sightings: CutSighting[] = []
  const stop = new AbortController()
  const look = async (): Promise<void> => {
    const table = await catalog.loadTable(tableId('sluice.cuts'))
    const cutNumber = table === undefined ? undefined : committedCut(table.metadata)?.cutNumber
    const seenUs = systemClock.nowUs()
    if (cutNumber === undefined || cutNumber === (sightings.at(-1)?.cutNumber ?? 0)) return
    sightings.push({ cutNumber, seenUs })
  }
  const watching = (async () => {
    while (!stop.signal.aborted) {
      await look()
      await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS))
    }
    await look()
  })()
  watching.catch(() => undefined)
  return {
    stop: async () => {
      stop.abort()
      try {
        await watching
      } finally {
        await catalog.close()
        await stores.close()
      }
      return sightings
    },
  }
}
