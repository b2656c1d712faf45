import { describe, expect, it } from 'vitest'
import type { CommittedCut } from '../../../tables/commit/commit-cut.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { createDeleteQueue, type DeleteQueue } from '../../../tables/maintain/delete-queue.ts'
import type { LadderRules } from '../../../tables/maintain/ladder.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  CUTS,
  DATA_TABLES,
  dataFile,
  openCommitLake,
} from '../commit/commit-lake.ts'

const LAKE_LOCATION = 'memory://lake'
const HOUR_US = 3_600_000_000n
const MINUTE_US = 60_000_000n

/** Keeps two cuts, so that every third expires one. */
const twoCuts: LadderRules = {
  cutCount: 2,
  minuteCount: 0,
  hourCount: 0,
  dayCount: 0,
  snapshotCountMax: 320,
}

const open = () => openCommitLake({ retention: twoCuts, previousVersionsMax: 4 })

function queueOf(lake: CommitLake): DeleteQueue {
  return createDeleteQueue({
    catalog: lake.context.catalog,
    reader: lake.context,
    clock: lake.clock,
    tables: [...DATA_TABLES, CUTS],
    lakeLocation: LAKE_LOCATION,
  })
}

/** A cut that replaces the one file of a table; its bytes are there to be deleted. */
async function replaceFile(lake: CommitLake, cutNumber: number): Promise<CommittedCut> {
  const file = dataFile(`bars/data/f${cutNumber}`)
  await lake.context.fileIO.write(file.filePath, new Uint8Array([1]))
  const before = cutNumber === 1 ? [] : [dataFile(`bars/data/f${cutNumber - 1}`).filePath]
  const replaced = change(BARS, {
    operation: 'overwrite',
    addDataFiles: [file],
    removePaths: before,
  })
  lake.clock.advanceUs(1_000_000n)
  return cut(lake, { cutNumber, changes: [replaced] })
}

async function run(lake: CommitLake, queue: DeleteQueue | undefined, from: number, to: number) {
  for (let cutNumber = from; cutNumber <= to; cutNumber++) {
    const { tables, abandonedPaths } = await replaceFile(lake, cutNumber)
    await queue?.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
  }
}

async function dataNames(lake: CommitLake): Promise<string[]> {
  return namesBelow(lake, `${LAKE_LOCATION}/warehouse/lake/bars/data/`)
}

async function namesBelow(lake: CommitLake, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const file of lake.context.fileIO.list(prefix)) {
    names.push(file.location.slice(file.location.lastIndexOf('/') + 1))
  }
  return names.sort()
}

const named = (...numbers: readonly number[]) => numbers.map((n) => `f${n}.parquet`).sort()

describe('createDeleteQueue', () => {
  it('deletes what no snapshot names once the longest query is over, and not before', async () => {
    const lake = await open()
    const queue = queueOf(lake)
    await queue.start()
    await run(lake, queue, 1, 5)
    await queue.flush()
    lake.clock.advanceUs(HOUR_US - 1n)
    await queue.deleteDue()
    expect(await dataNames(lake)).toEqual(named(1, 2, 3, 4, 5))
    lake.clock.advanceUs(1n)
    expect(await queue.deleteDue()).toBeGreaterThan(0)
    // Cuts 4 and 5 are kept.
    expect(await dataNames(lake)).toEqual(named(4, 5))
    expect(queue.recordCount).toBe(0)
    expect(await namesBelow(lake, `${LAKE_LOCATION}/_sluice/deletes/`)).toEqual([])
  })

  it('lets metadata files that left the log go after a minute', async () => {
    const lake = await open()
    const queue = queueOf(lake)
    await queue.start()
    await run(lake, queue, 1, 9)
    await queue.flush()
    lake.clock.advanceUs(MINUTE_US)
    await queue.deleteDue()
    const folder = `${LAKE_LOCATION}/warehouse/lake/bars/metadata/`
    const files = await namesBelow(lake, folder)
    // The current one and the four of the log.
    expect(files.filter((name) => name.endsWith('.metadata.json'))).toHaveLength(5)
    expect(await dataNames(lake)).toHaveLength(9)
  })

  it('leaves every file of a kept snapshot', async () => {
    const lake = await open()
    const queue = queueOf(lake)
    await queue.start()
    await run(lake, queue, 1, 20)
    await queue.flush()
    lake.clock.advanceUs(HOUR_US)
    await queue.deleteDue()
    const { fileIO } = lake.context
    const fresh = { fileIO, manifestCache: createManifestCache() }
    const { metadata } = await lake.load(BARS)
    const { loadManifests, loadEntries } =
      await import('../../../tables/commit/snapshot-manifests.ts')
    let liveCount = 0
    for (const snapshot of metadata.snapshots) {
      for (const manifest of await loadManifests(fresh, snapshot)) {
        for (const entry of await loadEntries(fresh, manifest)) {
          if (entry.status === 'deleted') continue
          liveCount += 1
          expect(await fileIO.stat(entry.file.filePath)).toBeDefined()
        }
      }
    }
    expect(liveCount).toBe(2)
  })

  it('finds again at start what a dead process did not record', async () => {
    const lake = await open()
    // Nobody takes note of these cuts: the process dies before its first record.
    await run(lake, undefined, 1, 5)
    const queue = queueOf(lake)
    await queue.start()
    expect(queue.recordCount).toBe(1)
    lake.clock.advanceUs(HOUR_US)
    await queue.deleteDue()
    expect(await dataNames(lake)).toEqual(named(4, 5))
  })

  it('does not record twice what is recorded, and goes on with old records', async () => {
    const lake = await open()
    const first = queueOf(lake)
    await first.start()
    await run(lake, first, 1, 5)
    await first.flush()
    const second = queueOf(lake)
    await second.start()
    expect(second.recordCount).toBe(first.recordCount)
    lake.clock.advanceUs(HOUR_US)
    await second.deleteDue()
    expect(await dataNames(lake)).toEqual(named(4, 5))
  })

  it('keeps a file that is recorded but reachable again', async () => {
    const lake = await open()
    const queue = queueOf(lake)
    await queue.start()
    await run(lake, queue, 1, 2)
    const live = dataFile('bars/data/f2').filePath
    const { metadata } = await lake.load(BARS)
    await queue.noteCommit({
      cutNumber: 2,
      tables: [],
      abandonedPaths: [live, metadata.snapshots[0]?.['manifest-list'] ?? ''],
    })
    await queue.flush()
    lake.clock.advanceUs(HOUR_US)
    expect(await queue.deleteDue()).toBe(0)
    expect(await dataNames(lake)).toEqual(named(1, 2))
  })

  it('keeps the number of records bounded while nothing is due', async () => {
    const lake = await open()
    const queue = queueOf(lake)
    await queue.start()
    let peak = 0
    for (let cutNumber = 1; cutNumber <= 300; cutNumber++) {
      await run(lake, queue, cutNumber, cutNumber)
      await queue.flush()
      peak = Math.max(peak, queue.recordCount)
    }
    expect(peak).toBeLessThanOrEqual(129)
    lake.clock.advanceUs(HOUR_US)
    while ((await queue.deleteDue()) > 0);
    expect(await dataNames(lake)).toEqual(named(299, 300))
  })
})
