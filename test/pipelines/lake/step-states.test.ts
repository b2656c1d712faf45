import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stateOf, type DerivedRun, type StepRun } from '../../../pipelines/lake/step-states.ts'
import { kinds } from '../../../shared-transforms/kind.ts'

const versions = [1, 2, 3].map((version) => `silver[route-x@${version}] gold[bars-x@${version}]`)
const DAYS = [0n, 1n, 2n]

const event = fc.oneof(
  fc.record({
    what: fc.constant('cut' as const),
    by: fc.constantFrom(...versions, null),
    days: fc.subarray([...DAYS], { minLength: 1 }),
  }),
  fc.record({
    what: fc.constant('replay' as const),
    by: fc.constantFrom(...versions),
    from: fc.bigInt(0n, 2n),
    length: fc.bigInt(1n, 3n),
    isGoldOnly: fc.boolean(),
  }),
)

/** Row by row: what made each is written down as it happens. */
function simulate(events: readonly (typeof event extends fc.Arbitrary<infer T> ? T : never)[]) {
  const rows: { day: bigint; us: bigint; silver: string | null; gold: string | null }[] = []
  const runs: StepRun[] = []
  const derived: DerivedRun[] = []
  for (const [index, one] of events.entries()) {
    const us = BigInt(index + 1) * 10n
    if (one.what === 'cut') {
      runs.push({ steps: one.by, lowUs: us, highUs: us })
      for (const day of one.days) rows.push({ day, us, silver: one.by, gold: one.by })
      continue
    }
    const steps = one.isGoldOnly ? one.by.replace(/silver\[.*?\] /, '') : one.by
    const untilDay = one.from + one.length
    derived.push({ steps, ingestedUs: us, fromDay: one.from, untilDay })
    for (const row of rows.filter(({ day }) => day >= one.from && day < untilDay)) {
      if (!one.isGoldOnly) row.silver = one.by
      row.gold = one.by
    }
  }
  return { rows, history: { kinds, runs, derived } }
}

it('never calls rows of other steps current, and rows of these ones stale only beside such', () => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...versions),
      fc.constantFrom('silver' as const, 'gold' as const),
      (events, now, layer) => {
        const { rows, history } = simulate(events)
        for (const day of DAYS) {
          const held = rows.filter((row) => row.day === day)
          if (held.length === 0) continue
          const [lowUs, highUs] = [held[0]?.us, held.at(-1)?.us]
          const said = stateOf({ kind: 'trade', day, lowUs, highUs }, history, layer, now)
          const made = held.map((row) => row[layer])
          if (made.some((by) => by !== null && by !== now)) expect(said).toBe('stale')
          else if (made.includes(null)) expect(said).not.toBe('current')
          const isWhole = events.every((one) => one.what !== 'cut' || one.days.includes(day))
          if (isWhole && made.every((by) => by === now)) expect(said).toBe('current')
        }
      },
    ),
    { numRuns: 500 },
  )
})

it('knows nothing of a file that does not say when its rows came', () => {
  const history = { kinds, runs: [{ steps: versions[0] ?? '', lowUs: 0n, highUs: 9n }], derived: [] }
  const rows = { kind: 'trade', day: 0n, lowUs: undefined, highUs: undefined } as const
  expect(stateOf(rows, history, 'silver', versions[0] ?? '')).toBe('unknown')
})
