import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accountFiles,
  type LakeSize,
  largerSize,
  readColdBytes,
  readKeptCuts,
  readLakeSize,
  type StretchCost,
  takeCost,
} from '../../support/lake-growth.ts'
import { type FakeLoop, openFakeLoop } from './fake-loop.ts'

const CUT_COUNT = 20_000
const STRETCH = 100
const EARLY_FROM = 1_000
const CUTS_PER_CHECK = 1_000

interface Stretch extends StretchCost {
  readonly coldBytes: number
}

let loop: FakeLoop
let early: Stretch
let last: Stretch
let peak: LakeSize

async function endStretch(): Promise<Stretch> {
  return { ...takeCost(loop.store), coldBytes: await readColdBytes(loop.lake) }
}

/** Twenty thousand cuts within one day of events and of the clock. */
async function runDay(): Promise<void> {
  loop = await openFakeLoop()
  for (let cutNumber = 1; cutNumber <= CUT_COUNT; cutNumber++) {
    await loop.cut()
    if (cutNumber === EARLY_FROM + STRETCH) early = await endStretch()
    if (cutNumber === CUT_COUNT) last = await endStretch()
    if (cutNumber % CUTS_PER_CHECK === 0) {
      const size = await readLakeSize(loop.lake)
      peak = cutNumber === CUTS_PER_CHECK ? size : largerSize(peak, size)
    }
    if (cutNumber === EARLY_FROM || cutNumber === CUT_COUNT - STRETCH) takeCost(loop.store)
  }
  console.info('20,000 cuts in one day:', JSON.stringify({ early, last, peak }))
}

describe('a lake of 20,000 cuts within one day', () => {
  beforeAll(runDay, 1_800_000)

  afterAll(() => loop.lake.close())

  it('writes and reads as much in its last hundred cuts as early on', () => {
    expect(last.bytesWritten).toBeLessThanOrEqual(early.bytesWritten * 1.5)
    expect(last.openCount).toBeLessThanOrEqual(early.openCount * 1.5)
    expect(last.metadataBytesRead).toBeLessThanOrEqual(early.metadataBytesRead * 1.5)
  })

  it('makes a process that just starts parse as much metadata as early on', () => {
    expect(last.coldBytes).toBeLessThanOrEqual(early.coldBytes * 1.5)
  })

  it('keeps files, manifests, snapshots and waiting deletes under their bounds', () => {
    expect(peak.liveFiles).toBeLessThanOrEqual(128)
    expect(peak.manifests).toBeLessThanOrEqual(40)
    expect(peak.snapshots).toBeLessThanOrEqual(320)
    expect(peak.metadataLog).toBeLessThanOrEqual(20)
    // Those of the log, of a minute, and of the commits that make up a record.
    expect(peak.metadataFiles).toBeLessThanOrEqual(64)
    expect(peak.deleteRecords).toBeLessThanOrEqual(128)
    // What an hour of cuts leaves behind: some forty files each.
    expect(peak.queuedDeletes).toBeLessThanOrEqual(40 * 837)
  })

  it('can be read at every kept cut', async () => {
    const { count, unreadable } = await readKeptCuts(loop.lake)
    // It is 23:53:20. The newest 60 cuts begin at 23:49; then the last cuts of the 55 minutes from
    // 22:54 on, and those of the 22 hours before 22:00; the 23rd is the last of a minute, too.
    expect(count).toBe(60 + 55 + 22)
    expect(unreadable).toEqual([])
  })

  it('has lost no file and forgotten none', async () => {
    await loop.queue.flush()
    const { forgotten, missing } = await accountFiles(loop.lake)
    expect(forgotten).toEqual([])
    expect(missing.filter((location) => !location.endsWith('.parquet'))).toEqual([])
  }, 120_000)
})
