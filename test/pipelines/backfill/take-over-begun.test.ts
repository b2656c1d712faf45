import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'
import {
  closeLakes,
  contentOf,
  cutCount,
  expectSound,
  fileOf,
  folder,
  openAnother,
  run,
  takeOver,
  type Prints,
} from './print-files.ts'

let lake: Lake
beforeEach(async () => {
  lake = await openAnother()
})
afterEach(closeLakes)
afterAll(() => folder.remove())

const of = (number: number, fromHour: number, toHour: number): Prints => ({
  number,
  pieces: [0, 1].map((day) => ({ symbol: 'SPY', day, fromHour, toHour })),
})
const better = of(2, 4, 20)
/** It overlaps what is left of the better file, and not what was read of it. */
const worse: Prints = { number: 1, pieces: of(1, 10, 22).pieces.slice(0, 1) }

/** A run without the flag, stopped in the first day of the better file; then the worse one comes. */
async function begin(path: string): Promise<void> {
  const stop = new AbortController()
  await run(lake, [path], { onCut: () => stop.abort() }, stop.signal)
  await run(lake, [fileOf(worse)])
}

/** Rows of each price level of a day: the number of their source is in it. */
async function firstDay(): Promise<string> {
  const [row] = await readRows<{ text: string | null }>(
    lake,
    'silver.trades',
    `SELECT string_agg(text, ', ' ORDER BY text) AS text FROM (SELECT ` +
      `floor(price)::INTEGER - 100 || ': ' || count(*) AS text FROM t ` +
      `WHERE event_ts < TIMESTAMPTZ '2024-08-06 00:00:00+00' GROUP BY floor(price))`,
  )
  return row?.text ?? ''
}

describe('a take-over by a file that was begun without it', { timeout: 240_000 }, () => {
  it('takes out what was read before more is read: no reader sees both sources grow', async () => {
    const path = fileOf(better)
    await begin(path)
    expect(await firstDay()).toBe('1: 13, 2: 5')
    await expect(run(lake, [path])).rejects.toThrow(/--take-over/)
    const seen: string[] = []
    const look = async () => {
      const now = await firstDay()
      if (seen.at(-1) !== now) seen.push(now)
    }
    const { takenOver } = await takeOver(lake, [path], {
      hooks: { staged: look, commitLanded: look },
    })
    await look()
    expect(seen).toEqual(['1: 13, 2: 5', '1: 13', '2: 17'])
    expect(takenOver).toMatchObject([
      { day: '2024-08-05', replaced: [{ rowCount: 13 }], rowCount: 17 },
    ])
    expect(await readContentHashes(lake)).toEqual(await contentOf([better]))
    await expectSound(lake)
    const after = await cutCount(lake)
    await takeOver(lake, [path])
    expect(await cutCount(lake)).toBe(after)
  })

  it('ends as it would where it is killed at any cut', async () => {
    const path = fileOf(better)
    await begin(path)
    const seen = new Set<string>()
    let kills = 0
    for (let isDone = false; !isDone;) {
      let cuts = 0
      isDone = await takeOver(lake, [path], {
        limits: { rows: 12, bytes: 10_000_000, timeMs: 60_000 },
        hooks: {
          commitLanded: async () => {
            seen.add(await firstDay())
            if (++cuts === 2) throw new Error('killed')
          },
        },
      }).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toContain('killed')
          return false
        },
      )
      expect(await receiptProblems(lake)).toEqual([])
      if (!isDone) kills += 1
    }
    expect(kills).toBeGreaterThan(0)
    expect([...seen]).toEqual(['1: 13', '2: 17'])
    expect(await readContentHashes(lake)).toEqual(await contentOf([better]))
    await expectSound(lake)
  })

  it('leaves what was read as a whole where it is until the day is turned round', async () => {
    const path = fileOf(better)
    await run(lake, [path])
    await takeOver(lake, [fileOf(worse)])
    expect(await firstDay()).toBe('1: 13')
    const seen: string[] = []
    await takeOver(lake, [path], {
      hooks: {
        commitLanded: async () => {
          seen.push(await firstDay())
        },
      },
    })
    expect(seen).toEqual(['2: 17'])
    await expectSound(lake)
  })
})
