import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../../support/run-command.ts'
import { closeLakes, fileOf, openAnother, run, takeOver } from './print-files.ts'
import { HOUR_MS, makeLeanFolder, printsFrom } from './lean-files.ts'

const folder = makeLeanFolder()
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-summary-'))
})
afterEach(async () => {
  await closeLakes()
  rmSync(directory, { recursive: true })
})
afterAll(() => folder.remove())

const lean = (count: number) =>
  folder.write('20131007', 'spy', printsFrom(10 * HOUR_MS, count, 60_000))
const backfill = (...args: readonly string[]) =>
  runCommand(directory, 'backfill', '--format', 'lean-trades', ...args)

describe('the summary of a take-over', { timeout: 120_000 }, () => {
  it('counts no row as a duplicate for waiting for its day, and says what was replaced', async () => {
    const [worse, better] = [lean(20), lean(50)]
    await backfill(worse)
    const text = await backfill(better, '--take-over')
    expect(text).toMatch(
      /^1 file read, 0 were in the lake already: 50 messages in \d+ cuts?, 0 rejected, 0 duplicates; 1 day taken over\n/,
    )
    expect(text).toMatch(
      /\n {2}trade us-equity SPY 2013-10-07: 20 rows of file:\S+ replaced, 50 rows now\n$/,
    )
    const back = await backfill(worse, '--take-over', '--json')
    expect(JSON.parse(back)).toMatchObject({
      ...{ partsSkipped: 1, messageCount: 0, duplicateCount: 0, uncountedCount: 0 },
      takenOverDays: ['2013-10-07'],
      takenOver: [
        {
          ...{ kind: 'trade', venue: 'us-equity', venueSymbol: 'SPY', day: '2013-10-07' },
          replaced: [{ source: expect.stringMatching(/^file:/) as string, rowCount: 50 }],
          rowCount: 20,
        },
      ],
    })
    const again = JSON.parse(await backfill(worse, '--take-over', '--json')) as unknown
    expect(again).toMatchObject({ takenOverDays: [], takenOver: [] })
  })

  it('names each source that stands back, and the rows of those that overlap nothing', async () => {
    const lake = await openAnother()
    const of = (number: number, fromHour: number, toHour: number) =>
      fileOf({ number, pieces: [{ symbol: 'SPY', day: 0, fromHour, toHour }] })
    await run(lake, [of(1, 1, 3), of(2, 5, 9), of(3, 20, 23)])
    const { takenOver } = await takeOver(lake, [of(4, 2, 7)])
    expect(takenOver).toHaveLength(1)
    const [day] = takenOver
    expect(day?.replaced.map(({ rowCount }) => rowCount).sort()).toEqual([3, 5])
    expect(day?.rowCount).toBe(6 + 4)
  })

  it('says of a run that was stopped how many rows wait', async () => {
    const lake = await openAnother()
    const of = (number: number) =>
      fileOf({ number, pieces: [{ symbol: 'SPY', day: 0, fromHour: 0, toHour: 20 }] })
    await run(lake, [of(1)])
    const stop = new AbortController()
    const waiting: number[] = []
    const result = await takeOver(
      lake,
      [of(2)],
      {
        onCut: ({ uncountedCount, duplicateCount }) => {
          waiting.push(uncountedCount)
          expect(duplicateCount).toBe(uncountedCount)
          stop.abort()
        },
      },
      stop.signal,
    )
    expect(result).toMatchObject({ isComplete: false, takenOver: [] })
    // The header is the first message of the first batch.
    expect(waiting).toEqual([5])
  })
})
