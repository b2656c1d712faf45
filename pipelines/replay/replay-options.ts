import type { LadderRules } from '../../tables/maintain/ladder.ts'
import type { Lake } from '../lake/lake.ts'
import type { Instrument } from '../loop/instruments.ts'
import type { LoopOptions } from '../loop/loop-context.ts'
import type { LoopHooks } from '../loop/loop-hooks.ts'
import type { Source } from '../sources/source.ts'
import type { DayRange } from '../lake/utc-days.ts'

/** What is derived anew: silver and gold from bronze, or gold alone from silver as it is. */
export const replayLayers = ['silver,gold', 'gold'] as const
export type ReplayLayers = (typeof replayLayers)[number]

export interface ReplayOptions {
  readonly lake: Lake
  readonly range: DayRange
  readonly layers: ReplayLayers
  /** Who writes, for sluice.cuts: `replay@host:pid`. */
  readonly writer: string
  /** Ids of the config; absent: those that silver has. */
  readonly instruments?: readonly Instrument[]
  /** Days of one cut; absent: as many as bounded memory allows. */
  readonly chunkDays?: number
  readonly retention?: LadderRules
  readonly maxQueryDurationMs?: number
  readonly hooks?: LoopHooks
  readonly sleep?: (waitMs: number) => Promise<void>
  /**
   * An engine table with new rows for sluice.take_overs, as TAKE_OVER_COLUMNS says: those of the days
   * that a cut derives anew go into it, and hold for what it derives.
   */
  readonly takeOver?: string
  /** No stream writes beside: days that are open may be derived anew too. */
  readonly takesOpenDays?: boolean
  /** Asks live to let the next cut be ours; answers with what gives the turn back. */
  readonly takeTurn?: () => Promise<() => Promise<void>>
}

/** A replay reads bronze and no source: nothing comes out of this one. */
const noSource: Source = {
  name: 'none',
  open: () => Promise.resolve(),
  next: () => Promise.resolve(undefined),
  release: () => Promise.resolve(),
  committed: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

/** The loop's options of a writer that only derives anew. */
export function loopOptionsOf(
  options: Pick<
    ReplayOptions,
    'lake' | 'writer' | 'retention' | 'maxQueryDurationMs' | 'hooks' | 'sleep' | 'instruments'
  >,
  mode: LoopOptions['mode'],
): LoopOptions {
  const { lake, writer, retention, maxQueryDurationMs, hooks, sleep, instruments } = options
  return {
    ...{ lake, writer, mode, source: noSource },
    limits: { rows: 1, bytes: 1, timeMs: 1 },
    // Duplicates are decided over all rows of the range at once.
    dedupeMemoryRows: 0,
    ...(instruments === undefined ? {} : { instruments }),
    ...(retention === undefined ? {} : { retention }),
    ...(maxQueryDurationMs === undefined ? {} : { maxQueryDurationMs }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(sleep === undefined ? {} : { sleep }),
  }
}

/** What made the cuts, for sluice.cuts. */
export function modeOf({ takeOver }: Pick<ReplayOptions, 'takeOver'>): LoopOptions['mode'] {
  return takeOver === undefined ? 'replay' : 'take-over'
}
