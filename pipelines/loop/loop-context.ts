import { SluiceError } from '../../tables/errors.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { LadderRules } from '../../tables/maintain/ladder.ts'
import { planScan, type ColumnPredicate, type ScanPlan } from '../../tables/scan/plan-scan.ts'
import { scanSql } from '../../tables/scan/scan-sql.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from '../lake/lake.ts'
import type { BatchLimits, Source } from '../sources/source.ts'
import type { CutReceipt } from './cut-receipt.ts'
import type { DedupeMemory } from './dedupe-memory.ts'
import type { GapLedger } from './gap-ledger.ts'
import type { GoldTail } from './gold-tail.ts'
import type { Instrument } from './instruments.ts'
import type { TakenRanges } from './leave-out.ts'
import type { LoopHooks } from './loop-hooks.ts'
import type { LoopState } from './loop-state.ts'
import type { StepSession } from './step-session.ts'

/** Live and backfill are two settings of one loop; the others are cuts without a batch. */
export const loopModes = [
  'live',
  'demo',
  'backfill',
  'replay',
  'take-over',
  'seal',
  'retention',
] as const
export type LoopMode = (typeof loopModes)[number]

export interface LoopOptions {
  readonly lake: Lake
  readonly source: Source
  readonly mode: LoopMode
  /** Who writes, for sluice.cuts and for the loser of a commit race: `live@host:pid`. */
  readonly writer: string
  readonly limits: BatchLimits
  readonly allowedLatenessMs?: number
  readonly idleAfterMs?: number
  /** Rows of each kind that the duplicate memory holds; 0 = every row is looked up in silver. */
  readonly dedupeMemoryRows?: number
  readonly instruments?: readonly Instrument[]
  readonly retention?: LadderRules
  readonly maxQueryDurationMs?: number
  /** Messages older than this leave bronze, after the cuts at which it is due. */
  readonly bronzeRetention?: BronzeRetentionRule
  readonly hooks?: LoopHooks
  /**
   * There is a stream beside this loop, which maintains the lake and commits all the time: the loop
   * leaves the watermark and the maintenance to it, and asks for the next cut once it lost one.
   */
  readonly isBeside?: boolean
  /** Days of files that are taken alone; absent: all of all sources. */
  readonly takenRanges?: TakenRanges
  /** Waits between tries at a commit; by default the timer's. */
  readonly sleep?: (waitMs: number) => Promise<void>
  readonly onCut?: (receipt: CutReceipt) => void
  /** Go on where the source no longer holds what comes next, and keep in sluice.cuts what is lost. */
  readonly acceptsLoss?: boolean
  /** Hears of each loss once it is accepted. */
  readonly onLoss?: (what: string) => void
}

export interface BronzeRetentionRule {
  readonly ageMs: number
  /** Asked after each cut; true once each time that it is due. */
  readonly isDue: () => boolean
}

/** Defaults of everything that a loop can be told. */
export const loopDefaults = {
  allowedLatenessMs: 10_000,
  idleAfterMs: 30_000,
  dedupeMemoryRows: 2_000_000,
} as const

/** zstd level of the loop's data files: compaction writes them again anyway. */
export const LIVE_COMPRESSION_LEVEL = 1

/** What the loop holds between two cuts. Everything in it can be rebuilt from the lake. */
export interface LoopContext {
  readonly options: LoopOptions
  readonly session: StepSession
  /** Head of every lake table as of the last cut, by dotted name. */
  readonly heads: ReadonlyMap<string, LoadedTable>
  readonly state: LoopState
  readonly memories: readonly DedupeMemory[]
  readonly tails: readonly GoldTail[]
  readonly gaps: GapLedger
  /** Days of symbols on which a source does not count; REPLACED_SOURCE in the engine has them. */
  readonly replacedCount: number
}

/** The heads of all tables of a lake, by dotted name. */
export async function loadHeads(lake: Lake): Promise<Map<string, LoadedTable>> {
  const heads = new Map<string, LoadedTable>()
  for (const { name } of lake.model.tables) {
    const loaded = await lake.catalog.loadTable(tableId(name))
    if (loaded === undefined) {
      throw new SluiceError(
        'data-loss',
        `The table ${name} is gone from the catalog. Nothing was read or written. Restore the ` +
          'catalog file from a backup, or start a new lake.',
      )
    }
    heads.set(name, loaded)
  }
  return heads
}

/** A table's head that is known to be there. */
export function headOf(heads: ReadonlyMap<string, LoadedTable>, name: string): LoadedTable {
  const head = heads.get(name)
  if (head === undefined) throw new RangeError(`${name} is no table of the lake`)
  return head
}

/** The files of a table's head that may hold rows of a filter. */
export async function planHead(
  lake: Lake,
  head: LoadedTable,
  filter: readonly ColumnPredicate[],
): Promise<ScanPlan> {
  return planScan({
    fileIO: lake.fileIO,
    metadata: head.metadata,
    manifestCache: lake.manifestCache,
    filter,
  })
}

/** A plan as a relation in brackets. */
export async function planRelation(
  lake: Lake,
  plan: ScanPlan,
  options: { readonly withPosition?: boolean } = {},
): Promise<string> {
  return `(${await scanSql(plan, lake.fileIO, options)})`
}
