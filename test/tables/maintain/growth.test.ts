import { describe, expect, it } from 'vitest'
import { cutHistory, findSnapshot } from '../../../tables/spec/cut-history.ts'
import {
  createCountingFileIO,
  type CountingFileIO,
} from '../../../tables/file-io/counting-file-io.ts'
import { createDeleteQueue } from '../../../tables/maintain/delete-queue.ts'
import { rewriteDataFiles } from '../../../tables/maintain/rewrite-data-files.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  CUTS,
  DATA_TABLES,
  dataFile,
  openCommitLake,
  positionDelete,
  TRADES,
} from '../commit/commit-lake.ts'
import { readManifests } from '../commit/read-lake.ts'
import { fakeWriter } from './fake-writer.ts'

const CUT_COUNT = 2_000
const LAKE_LOCATION = 'memory://lake'

interface Cost {
  readonly bytesWritten: number
  readonly openCount: number
}

function takeCost(store: CountingFileIO): Cost {
  const kinds = Object.values(store.counts())
  store.resetCounts()
  return {
    bytesWritten: kinds.reduce((sum, one) => sum + one.bytesWritten, 0),
    openCount: kinds.reduce((sum, one) => sum + one.openCount, 0),
  }
}

describe('growth of a lake', () => {
  it('is bounded over thousands of cuts within one day', async () => {
    const stores: CountingFileIO[] = []
    const lake = await openCommitLake({
      wrapFileIO: (inner) => {
        const store = createCountingFileIO(inner)
        stores.push(store)
        return store
      },
    })
    const store = stores[0]
    if (store === undefined) throw new Error('no store')
    const queue = createDeleteQueue({
      catalog: lake.context.catalog,
      reader: lake.context,
      clock: lake.clock,
      tables: [...DATA_TABLES, CUTS],
      lakeLocation: LAKE_LOCATION,
    })
    await queue.start()
    const writeGroup = fakeWriter(lake)
    const costs: Cost[] = []
    let peakFiles = 0
    let peakManifests = 0
    let peakRecords = 0
    let sealed = dataFile('bars/sealed-0')
    for (let cutNumber = 1; cutNumber <= CUT_COUNT; cutNumber++) {
      const tail = dataFile(`bars/tail-${cutNumber}`)
      const isSealing = cutNumber % 20 === 0
      const newSealed = dataFile(`bars/sealed-${cutNumber}`)
      const isRepairing = cutNumber % 7 === 0 && cutNumber > 20
      const bars = change(BARS, {
        operation: 'overwrite',
        addDataFiles: isSealing ? [tail, newSealed] : [tail],
        tailPaths: new Set([tail.filePath]),
        removePaths: cutNumber === 1 ? [] : [dataFile(`bars/tail-${cutNumber - 1}`).filePath],
        addDeletes:
          isRepairing && !isSealing ? [positionDelete(`bars/d-${cutNumber}`, sealed)] : [],
      })
      const trades = change(TRADES, { addDataFiles: [dataFile(`trades/${cutNumber}`)] })
      lake.clock.advanceUs(4_300_000n)
      const committed = await cut(lake, { cutNumber, changes: [trades, bars] })
      await queue.noteCommit({
        cutNumber,
        tables: committed.tables.values(),
        abandonedPaths: committed.abandonedPaths,
      })
      for (const identifier of cutNumber % 16 === 0 ? [TRADES, BARS, CUTS] : []) {
        const rewritten = await rewriteDataFiles(lake.context, {
          cutsTable: CUTS,
          identifier,
          afterCut: () => cutNumber,
          writeGroup,
        })
        if (rewritten !== undefined) {
          await queue.noteCommit({
            cutNumber,
            tables: rewritten.tables.values(),
            abandonedPaths: [],
          })
        }
      }
      if (cutNumber % 10 === 0) await queue.deleteDue()
      if (isSealing) sealed = newSealed
      peakRecords = Math.max(peakRecords, queue.recordCount)
      if (cutNumber % 100 === 0) costs.push(takeCost(store))
      if (cutNumber % 500 !== 0) continue
      for (const table of [TRADES, BARS, CUTS]) {
        const manifests = await readManifests(lake, table)
        peakManifests = Math.max(peakManifests, manifests.length)
        const live = manifests.flatMap(({ entries }) =>
          entries.filter((e) => e.status !== 'deleted'),
        )
        const data = live.filter((entry) => entry.file.content === 'data')
        peakFiles = Math.max(peakFiles, data.length)
        await checkTable(lake, table)
      }
      store.resetCounts()
    }
    const early = costs[10]
    const last = costs.at(-1)
    if (early === undefined || last === undefined) throw new Error('no costs')
    expect(last.bytesWritten).toBeLessThanOrEqual(early.bytesWritten * 1.5)
    expect(last.openCount).toBeLessThanOrEqual(early.openCount * 1.5 + 20)
    expect(peakFiles).toBeLessThanOrEqual(128)
    expect(peakManifests).toBeLessThanOrEqual(40)
    expect(peakRecords).toBeLessThanOrEqual(129)

    let fileCount = 0
    for await (const file of store.list(`${LAKE_LOCATION}/`)) {
      if (!file.location.includes('.parquet')) fileCount += 1
    }
    // An hour of expired files at 4.3 s a cut, some ten a cut, and what the snapshots name.
    expect(fileCount).toBeLessThanOrEqual(16_000)
  }, 300_000)
})

async function checkTable(lake: CommitLake, table: TableIdentifier): Promise<void> {
  const { metadata } = await lake.load(table)
  expect(metadata.snapshots.length).toBeLessThanOrEqual(320)
  expect(metadata['metadata-log'].length).toBeLessThanOrEqual(20)
  const cuts = cutHistory((await lake.load(CUTS)).metadata)
  for (const record of cuts) {
    // Every kept cut can be read on every table.
    const name = table.name === 'cuts' ? record.snapshotId : record.heads.get(`lake.${table.name}`)
    if (name !== undefined) expect(findSnapshot(metadata, name)).toBeDefined()
  }
}
