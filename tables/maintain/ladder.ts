import { SluiceError } from '../errors.ts'

/**
 * Which cuts a lake keeps: the newest `cutCount` (the dense window), and the newest cut of each
 * minute, hour and UTC day that holds one, for so many minutes, hours and days before the newest.
 *
 *   days ·····|·····|·····|     hours ··|··|··|     minutes ·|·|·|     dense ||||||
 *
 * What the ladder drops it never asks for again: a cut that is not the newest of its bucket can
 * never become it, and every window only moves forward.
 */
export interface LadderRules {
  readonly cutCount: number
  readonly minuteCount: number
  readonly hourCount: number
  readonly dayCount: number
  /** Snapshots of a table at most; what others committed gives way first. */
  readonly snapshotCountMax: number
}

export const defaultLadder: LadderRules = {
  cutCount: 60,
  minuteCount: 60,
  hourCount: 48,
  dayCount: 90,
  snapshotCountMax: 320,
}

/** A cut as the ladder sees it. */
export interface CutTime {
  readonly cutNumber: number
  readonly committedMs: number
}

export interface KeptCuts {
  /** Ascending; the dense window. */
  readonly dense: readonly number[]
  /** Ascending; older than the dense window, held by tags. */
  readonly tagged: readonly number[]
  /**
   * Tagged cuts that are the last one of a UTC day: `YYYY-MM-DD` by cut number. The newest cut's
   * own day is not over, and has none.
   */
  readonly dayEnds: ReadonlyMap<number, string>
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * Decides which cuts stay.
 * @param history the cuts that are there, ascending by number, committed at times that never fall
 * @throws SluiceError `invalid-input` where the settings ask for more than `snapshotCountMax`.
 */
export function chooseKeptCuts(history: readonly CutTime[], settings: LadderRules): KeptCuts {
  checkLadder(settings)
  const newest = history.at(-1)
  if (newest === undefined) return { dense: [], tagged: [], dayEnds: new Map() }
  const dense = history.slice(-settings.cutCount).map((cut) => cut.cutNumber)
  const denseFrom = dense[0] ?? newest.cutNumber
  const rungs = [
    { widthMs: MINUTE_MS, count: settings.minuteCount },
    { widthMs: HOUR_MS, count: settings.hourCount },
    { widthMs: DAY_MS, count: settings.dayCount },
  ]
  const kept = new Set<number>()
  const dayEnds = new Map<number, string>()
  for (const { widthMs, count } of rungs) {
    const newestBucket = Math.floor(newest.committedMs / widthMs)
    const newestOfBucket = new Map<number, number>()
    for (const cut of history) {
      const bucket = Math.floor(cut.committedMs / widthMs)
      if (bucket > newestBucket - count) newestOfBucket.set(bucket, cut.cutNumber)
    }
    for (const [bucket, cutNumber] of newestOfBucket) {
      if (cutNumber >= denseFrom) continue
      kept.add(cutNumber)
      if (widthMs === DAY_MS && bucket < newestBucket) dayEnds.set(cutNumber, dayText(bucket))
    }
  }
  return { dense, tagged: [...kept].sort((a, b) => a - b), dayEnds }
}

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** @throws SluiceError `invalid-input` where the settings contradict each other. */
export function checkLadder(settings: LadderRules): void {
  const { cutCount, minuteCount, hourCount, dayCount, snapshotCountMax } = settings
  const counts = [minuteCount, hourCount, dayCount]
  const isWhole = [cutCount, ...counts].every((count) => Number.isInteger(count) && count >= 0)
  const sum = cutCount + minuteCount + hourCount + dayCount
  if (isWhole && cutCount >= 1 && sum <= snapshotCountMax) return
  throw new SluiceError(
    'invalid-input',
    `The retention keeps ${sum} cuts (${cutCount} cuts, ${minuteCount} minutes, ${hourCount} ` +
      `hours, ${dayCount} days) of at most ${snapshotCountMax}. Nothing was expired. ` +
      'Keep at least one cut, whole numbers, and no more than the maximum together.',
  )
}
