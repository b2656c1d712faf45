import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import { planBackfill } from '../../../pipelines/backfill/plan-backfill.ts'
import { loadHeads } from '../../../pipelines/loop/loop-context.ts'
import type { ArchiveProgress } from '../../../pipelines/sources/archive-source.ts'
import { dataPath } from '../../support/data.ts'
import { openLocalLake, type LocalLake } from '../../support/local-lake.ts'
import { endCommand } from '../../support/run-command.ts'
import { describeWithService } from '../../support/service.ts'
import { HOUR_MS, makeLeanFolder, printsFrom } from './lean-files.ts'

const folder = makeLeanFolder()
let local: LocalLake
beforeEach(async () => {
  local = await openLocalLake()
})
afterEach(() => local.close())
afterAll(() => folder.remove())

const options = (files: readonly string[]): BackfillOptions => {
  return { lake: local.lake, format: 'lean-trades', files, writer: 'test' }
}
const never = new AbortController().signal
const run = (files: readonly string[], more: Partial<BackfillOptions> = {}, signal = never) =>
  backfill({ ...options(files), ...more }, signal)
const plan = async (files: readonly string[]) => {
  const made = await planBackfill(options(files), never)
  if (made === undefined) throw new Error('nobody stopped it')
  return made
}

async function headIds(): Promise<unknown> {
  return [...(await loadHeads(local.lake))].map(([name, { metadata }]) => [
    name,
    metadata['current-snapshot-id'],
    metadata['last-updated-ms'],
  ])
}

/** 8 October 2013 begins in UTC at 20:00 in New York on the 7th. */
const evening = 19 * HOUR_MS + 50 * 60_000

describe('the plan of a backfill', { timeout: 120_000 }, () => {
  it('counts the rows of each UTC day, what is refused, and the bytes to read', async () => {
    const files = [
      folder.write('20131007', 'spy', [...printsFrom(evening, 20, 60_000), 'no line', '1,2,3']),
      folder.write('20131007', 'ibm', printsFrom(evening, 5, 60_000)),
    ]
    const made = await plan(files)
    expect(made).toMatchObject({ messageCount: 27, rejectedCount: 2, ignoredCount: 0 })
    const day = { kind: 'trade', heldRowCount: 0, isSealed: false }
    expect(made.days).toEqual([
      { ...day, day: '2013-10-07', symbolCount: 2, rowCount: 15 },
      { ...day, day: '2013-10-08', symbolCount: 1, rowCount: 10 },
    ])
    expect(made.overlaps).toEqual([])
    expect(made.files.map(({ state, fromOffset }) => [state, fromOffset])).toEqual([
      ['new', 0n],
      ['new', 0n],
    ])
  })

  it('says what was read before, what is gone on with, what is sealed, and what is held', async () => {
    const read = folder.write('20131007', 'spy', printsFrom(10 * HOUR_MS, 30))
    const begun = folder.write('20131008', 'spy', printsFrom(10 * HOUR_MS, 40))
    const fresh = folder.write('20131008', 'spy', printsFrom(15 * HOUR_MS, 50))
    await run([read])
    const stop = new AbortController()
    const limits = { rows: 10, bytes: 1_000_000, timeMs: 60_000 }
    await run([begun], { limits, onCut: () => stop.abort() }, stop.signal)
    const before = await headIds()
    const made = await plan([read, begun, fresh])
    expect(made.files.map(({ state, fromOffset }) => [state, fromOffset])).toEqual([
      ['read', 30n],
      ['begun', 10n],
      ['new', 0n],
    ])
    expect(made.messageCount).toBe(80)
    expect(made.days).toEqual([
      {
        ...{ day: '2013-10-08', kind: 'trade', symbolCount: 1, rowCount: 80 },
        ...{ heldRowCount: 10, isSealed: false },
      },
    ])
    expect(await headIds()).toEqual(before)
    await run([begun, fresh])
    const later = folder.write('20131009', 'spy', printsFrom(10 * HOUR_MS, 1))
    await run([later])
    const late = await plan([folder.write('20131007', 'ibm', printsFrom(10 * HOUR_MS, 3))])
    expect(late.days.map(({ isSealed }) => isSealed)).toEqual([true])
  })

  it('names what overlaps the lake, and the run is refused for exactly that', async () => {
    await run([folder.write('20131007', 'spy', printsFrom(10 * HOUR_MS, 30))])
    const again = folder.write('20131007', 'spy', printsFrom(10 * HOUR_MS, 31))
    const beside = folder.write('20131007', 'spy', printsFrom(11 * HOUR_MS, 31))
    expect((await plan([beside])).overlaps).toEqual([])
    const made = await plan([again])
    const fromUs = BigInt(Date.parse('2013-10-07T14:00:00Z')) * 1000n
    expect(made.overlaps).toEqual([
      {
        ...{ kind: 'trade', venue: 'us-equity', venueSymbol: 'SPY', day: '2013-10-07' },
        ...{ inputFromUs: fromUs, inputUntilUs: fromUs + 30_000_000n },
        ...{ lakeFromUs: fromUs, lakeUntilUs: fromUs + 29_000_000n },
      },
    ])
    await expect(run([again])).rejects.toMatchObject({ kind: 'invalid-input' })
    const { stdout, exitCode } = await endCommand(
      local.directory,
      ...['backfill', '--dry-run', '--format', 'lean-trades', again],
    )
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/1 file: 1 new, 0 in the lake already; [\d.]+ k?B to read/)
    expect(stdout).toMatch(/2013-10-07 +trade +1 +31 +30 +open\n/)
    expect(stdout).toMatch(/would be refused[^]*SPY 2013-10-07: input 14:00:00.000000–14:00:30/)
  })

  it('of a first run makes no lake', async () => {
    const file = folder.write('20131007', 'spy', printsFrom(10 * HOUR_MS, 30))
    const nowhere = join(folder.path, 'nowhere')
    const args = ['backfill', '--dry-run', '--format', 'lean-trades', file, '--json']
    const { stdout, exitCode } = await endCommand(nowhere, ...args)
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      files: [{ path: file, state: 'new', fromLine: 0 }],
      ...{ messageCount: 30, overlaps: [], watermark: null },
      days: [{ day: '2013-10-07', kind: 'trade', rowCount: 30, isSealed: false }],
    })
    expect(existsSync(nowhere)).toBe(false)
  })
})

describe('the progress of a backfill', { timeout: 120_000 }, () => {
  it('is what was committed, and at the end all of it', async () => {
    const files = ['20131007', '20131008'].map((day, index) =>
      folder.write(day, 'spy', printsFrom((10 + index) * HOUR_MS, 40_000, 100)),
    )
    const seen: (ArchiveProgress & { readonly cutCount: number })[] = []
    let cutCount = 0
    await run(files, {
      limits: { rows: 20_000, bytes: 100_000_000, timeMs: 60_000 },
      onCut: () => {
        cutCount += 1
      },
      onProgress: (_, progress) => seen.push({ ...progress, cutCount }),
    })
    expect(seen.map((each) => each.cutCount)).toEqual(seen.map((_, index) => index + 1))
    const [first] = seen
    const last = seen.at(-1)
    // A quarter is committed; what is read ahead of it is not counted.
    expect(first?.bytesRead ?? 0).toBeLessThan((first?.bytesTotal ?? 0) * 0.55)
    expect(last).toMatchObject({ bytesRead: last?.bytesTotal, partsRead: 2, partsTotal: 2 })
  })
})

await describeWithService('data', 'the plan of recorded ticks', () => {
  it('has as many rows as the data is said to have', async () => {
    const days = [
      ['20131007', 24_293],
      ['20131008', 33_381],
    ] as const
    const made = await plan(
      days.map(([day]) => dataPath(`lean-us-equity/tick/ibm_${day}_trade.zip`)),
    )
    expect(made.messageCount).toBe(24_293 + 33_381)
    expect(made.days.map(({ day, rowCount }) => [day.replaceAll('-', ''), rowCount])).toEqual(days)
  }, 120_000)
})
