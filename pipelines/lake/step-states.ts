import type { Kind } from '../../shared-transforms/kind.ts'
import { areSameSteps, tellsLayer, type StepLayer } from '../loop/steps-text.ts'

/** By which steps something was made: these ones, others, or nobody can tell. */
export type StepState = 'current' | 'stale' | 'unknown'

/** Cuts in a row that took messages in by the same steps; ingested_ts in µs, both inclusive. */
export interface StepRun {
  /** Null where the cuts do not say it: they were made before cuts did. */
  readonly steps: string | null
  readonly lowUs: bigint
  readonly highUs: bigint
}

/** Days that a cut derived anew; days since 1970, the last one exclusive. */
export interface DerivedRun {
  readonly steps: string
  readonly ingestedUs: bigint
  readonly fromDay: bigint
  readonly untilDay: bigint
}

/** How the rows of a lake came to be; runs and derivations in the order of their cuts. */
export interface StepHistory {
  /** Steps of one kind alone bear its name. */
  readonly kinds: readonly Kind[]
  readonly runs: readonly StepRun[]
  readonly derived: readonly DerivedRun[]
}

/** Rows of silver of one day in one file: when the first and the last of them were taken in. */
export interface SilverRows {
  readonly kind: Kind
  readonly day: bigint
  /** ingested_ts, µs; undefined where the file does not say it. */
  readonly lowUs: bigint | undefined
  readonly highUs: bigint | undefined
}

/**
 * Whether rows, or the gold that is made of them, come from the steps of now. Cuts between a file's
 * oldest and newest row count as if they had given it rows: it may be called stale for one that did
 * not.
 */
export function stateOf(
  rows: SilverRows,
  history: StepHistory,
  layer: StepLayer,
  now: string,
): StepState {
  const made = stepsOf(rows, history, layer)
  const isOther = made.some((steps) => {
    return steps !== null && !areSameSteps(steps, now, layer, rows.kind, history.kinds)
  })
  if (isOther) return 'stale'
  return made.length === 0 || made.includes(null) ? 'unknown' : 'current'
}

/** Stale before unknown before current. */
export function worseState(one: StepState, other: StepState): StepState {
  if (one === 'stale' || other === 'stale') return 'stale'
  return one === 'unknown' || other === 'unknown' ? 'unknown' : 'current'
}

/** The steps that made rows: of the newest derivation of their day, and of cuts since then. */
function stepsOf(
  { day, lowUs, highUs }: SilverRows,
  { runs, derived }: StepHistory,
  layer: StepLayer,
): (string | null)[] {
  if (lowUs === undefined || highUs === undefined) return []
  const last = derived.findLast(
    (one) => one.fromDay <= day && day < one.untilDay && tellsLayer(one.steps, layer),
  )
  const isDerived = last !== undefined && lowUs <= last.ingestedUs
  const sinceUs = isDerived ? last.ingestedUs + 1n : lowUs
  const cuts = runs.filter((run) => run.lowUs <= highUs && run.highUs >= sinceUs)
  return [...(isDerived ? [last.steps] : []), ...cuts.map(({ steps }) => steps)]
}
