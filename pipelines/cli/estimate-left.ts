/** How long the rest of a work takes, by how fast it went lately. */
export interface LeftEstimate {
  /** Tells how much of `total` is done at a time, µs. Less than before begins anew. */
  note(atUs: bigint, done: number, total: number): void
  /** Milliseconds; undefined until it can be known, where nothing moves, and at the end. */
  leftMs(): number | undefined
}

/** Before that much time and as many steps a rate would be a guess. */
const KNOWN_AFTER_US = 3_000_000
const KNOWN_AFTER_STEPS = 3
/** What was that long ago counts a third of what is now. */
const MEMORY_US = 20_000_000

/** Rates are smoothed: work and time of each step fade together, so no single step decides. */
export function createLeftEstimate(): LeftEstimate {
  let last: { readonly atUs: bigint; readonly done: number } | undefined
  let total = 0
  let passed = { stepCount: 0, sinceUs: 0, work: 0, timeUs: 0 }
  return {
    note: (atUs, done, of) => {
      total = of
      if (last === undefined || done < last.done || atUs < last.atUs) {
        last = { atUs, done }
        passed = { stepCount: 0, sinceUs: 0, work: 0, timeUs: 0 }
        return
      }
      const stepUs = Number(atUs - last.atUs)
      const kept = Math.exp(-stepUs / MEMORY_US)
      passed = {
        stepCount: passed.stepCount + (done > last.done ? 1 : 0),
        sinceUs: passed.sinceUs + stepUs,
        work: passed.work * kept + (done - last.done),
        timeUs: passed.timeUs * kept + stepUs,
      }
      last = { atUs, done }
    },
    leftMs: () => {
      const { stepCount, sinceUs, work, timeUs } = passed
      const isKnown = stepCount >= KNOWN_AFTER_STEPS && sinceUs >= KNOWN_AFTER_US
      if (last === undefined || !isKnown || work <= 0 || last.done >= total) return undefined
      return ((total - last.done) * timeUs) / work / 1000
    },
  }
}

/** `about 3 min left`: no finer than it can be known. */
export function leftText(leftMs: number | undefined): string | undefined {
  if (leftMs === undefined) return undefined
  const seconds = leftMs / 1000
  if (seconds < 10) return 'less than 10 s left'
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} s left`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`
  return `about ${(seconds / 3600).toFixed(1)} h left`
}
