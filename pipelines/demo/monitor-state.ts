import type { FreshnessQuantiles } from '../loop/freshness.ts'
import type { SecondTerminalCommand } from './second-terminal-commands.ts'

export interface LayerRows {
  readonly layer: string
  readonly tables: readonly { readonly name: string; readonly rowCount: number }[]
}

/** A one-minute bar as the monitor shows it: exact numbers as text. */
export interface BarLine {
  readonly venue_symbol: string
  readonly open_ts: bigint
  readonly open: string
  readonly high: string
  readonly low: string
  readonly close: string
  readonly volume: string
  readonly trade_count: string
  readonly is_sealed: boolean
}

/** Everything that one picture of the monitor shows; times in microseconds since 1970. */
export interface MonitorState {
  readonly lakeDirectory: string
  readonly catalogUrl: string
  readonly startedUs: bigint
  readonly nowUs: bigint
  readonly layers: readonly LayerRows[]
  readonly producedCount: number
  readonly eventsPerSecond: number
  readonly freshness: FreshnessQuantiles | undefined
  readonly watermarkUs: bigint | undefined
  readonly lastCut:
    | { readonly cutNumber: number; readonly committedUs: bigint; readonly messageCount: number }
    | undefined
  readonly rejectedCount: number
  readonly duplicateCount: number
  readonly lateCount: number
  readonly diskBytes: number | undefined
  readonly bars: readonly BarLine[]
  /** Why the lake could not be read just now; the numbers are then the last that were read. */
  readonly problem: string | undefined
  readonly commands: readonly SecondTerminalCommand[]
}
