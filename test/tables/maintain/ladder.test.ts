import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chooseKeptCuts,
  type CutTime,
  defaultLadder,
  type LadderRules,
} from '../../../tables/maintain/ladder.ts'

const small: LadderRules = {
  cutCount: 3,
  minuteCount: 4,
  hourCount: 3,
  dayCount: 2,
  snapshotCountMax: 12,
}

const MINUTE_MS = 60_000

/** Cuts with gaps from none to some days. */
const histories = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 40_000 }) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 50 * MINUTE_MS }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * 24 * 60 * MINUTE_MS }) },
    ),
    { minLength: 1, maxLength: 80 },
  )
  .map((gaps) => {
    let committedMs = 1_700_000_000_000
    return gaps.map((gapMs, index): CutTime => {
      committedMs += gapMs
      return { cutNumber: index + 1, committedMs }
    })
  })

const keptNumbers = (history: readonly CutTime[], rules: LadderRules) => {
  const { dense, tagged } = chooseKeptCuts(history, rules)
  return [...tagged, ...dense]
}

/** The rule in words: newest cuts, and the newest of each calendar bucket that is young enough. */
function reference(history: readonly CutTime[], rules: LadderRules): number[] {
  const now = history.at(-1)?.committedMs ?? 0
  return history
    .filter((cut, index) => {
      if (index >= history.length - rules.cutCount) return true
      const rungs = [
        [MINUTE_MS, rules.minuteCount],
        [60 * MINUTE_MS, rules.hourCount],
        [24 * 60 * MINUTE_MS, rules.dayCount],
      ] as const
      return rungs.some(([widthMs, count]) => {
        const bucket = (ms: number) => Math.floor(ms / widthMs)
        const isYoung = bucket(now) - bucket(cut.committedMs) < count
        const next = history[index + 1]
        const isNewest = next === undefined || bucket(next.committedMs) > bucket(cut.committedMs)
        return isYoung && isNewest
      })
    })
    .map((cut) => cut.cutNumber)
}

describe('chooseKeptCuts', () => {
  it('keeps what the rule in words says', () => {
    fc.assert(
      fc.property(histories, (history) => {
        expect(keptNumbers(history, small)).toEqual(reference(history, small))
      }),
      { numRuns: 300 },
    )
  })

  it('never asks again for a cut that it dropped', () => {
    fc.assert(
      fc.property(histories, (history) => {
        let pruned: CutTime[] = []
        for (const [index, cut] of history.entries()) {
          const kept = new Set(keptNumbers([...pruned, cut], small))
          // Decided from the pruned history, the answer is that of the whole history.
          expect([...kept]).toEqual(keptNumbers(history.slice(0, index + 1), small))
          pruned = [...pruned, cut].filter((one) => kept.has(one.cutNumber))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('names the last cut of each day that is over, once it has left the dense window', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const day = (cut: CutTime | undefined) =>
          cut === undefined ? '' : new Date(cut.committedMs).toISOString().slice(0, 10)
        const dayMs = 24 * 60 * MINUTE_MS
        const today = Math.floor((history.at(-1)?.committedMs ?? 0) / dayMs)
        const expected = history
          .slice(0, -small.cutCount)
          .filter((cut, index) => day(cut) !== day(history[index + 1]))
          .filter((cut) => today - Math.floor(cut.committedMs / dayMs) < small.dayCount)
          .map((cut): [number, string] => [cut.cutNumber, day(cut)])
        const { dayEnds, tagged } = chooseKeptCuts(history, small)
        expect([...dayEnds]).toEqual(expected)
        expect(tagged).toEqual(expect.arrayContaining([...dayEnds.keys()]))
      }),
      { numRuns: 300 },
    )
  })

  it('keeps no more than the sum of its rungs', () => {
    fc.assert(
      fc.property(histories, (history) => {
        expect(keptNumbers(history, small).length).toBeLessThanOrEqual(3 + 4 + 3 + 2)
      }),
    )
  })

  it('keeps by default 60 cuts, 60 minutes, 48 hours and 90 days of a lake that never rests', () => {
    // One cut each 10 s for 100 days, decided as it goes so that the history stays short.
    let history: CutTime[] = []
    const stepMs = 10_000
    const dayMs = 24 * 60 * MINUTE_MS
    const startMs = Math.floor(1_700_000_000_000 / dayMs) * dayMs
    let cutNumber = 0
    for (let ms = startMs; ms < startMs + 100 * dayMs;) {
      cutNumber += 1
      history.push({ cutNumber, committedMs: ms })
      // Dense at the end only: what the ladder drops in between is proved above.
      ms += ms < startMs + 97 * dayMs ? 60 * MINUTE_MS : stepMs
      if (history.length > 600) history = prune(history)
    }
    history = prune(history)
    const { dense, tagged } = chooseKeptCuts(history, defaultLadder)
    expect(dense).toHaveLength(60)
    // 60 dense cuts are 10 minutes: 50 older minutes, 47 older hours, and the days before these.
    expect(tagged).toHaveLength(50 + 47 + 88)
  })

  it('refuses rules that keep more than the maximum, or no cut at all', () => {
    const refused = { kind: 'invalid-input' }
    const choose = (rules: Partial<LadderRules>) => () =>
      chooseKeptCuts([], { ...defaultLadder, ...rules })
    expect(choose({ dayCount: 153 })).toThrow(expect.objectContaining(refused))
    expect(choose({ cutCount: 0 })).toThrow(expect.objectContaining(refused))
    expect(choose({ dayCount: 152 })()).toEqual({ dense: [], tagged: [], dayEnds: new Map() })
  })
})

function prune(history: readonly CutTime[]): CutTime[] {
  const kept = new Set(keptNumbers(history, defaultLadder))
  return history.filter((cut) => kept.has(cut.cutNumber))
}
