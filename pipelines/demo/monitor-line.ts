import { formatCount, formatDuration, formatSize, formatTimeOfDay } from '../cli/format-units.ts'
import type { MonitorState } from './monitor-state.ts'

/** The monitor as one line, for logs and pipes. */
export function monitorLine(state: MonitorState): string {
  const { freshness, lastCut, watermarkUs, diskBytes } = state
  const layers = state.layers.map(({ layer, tables }) => {
    const rowCount = tables.reduce((sum, table) => sum + table.rowCount, 0)
    return `${layer} ${formatCount(rowCount)}`
  })
  const parts = [
    `${formatTimeOfDay(state.nowUs)}Z cut ${lastCut?.cutNumber ?? 'none yet'}`,
    `${formatCount(state.producedCount)} produced`,
    `rows ${layers.join(', ')}`,
    `${formatCount(Math.round(state.eventsPerSecond))} events/s`,
    freshness === undefined
      ? undefined
      : `freshness p50 ${formatDuration(freshness.p50)}, p99 ${formatDuration(freshness.p99)}`,
    watermarkUs === undefined ? undefined : `watermark ${formatTimeOfDay(watermarkUs)}Z`,
    `${formatCount(state.rejectedCount)} rejected`,
    state.problem === undefined ? undefined : `reading the lake: ${state.problem}`,
    diskBytes === undefined ? undefined : `disk ${formatSize(diskBytes)}`,
  ]
  return parts.filter((part) => part !== undefined).join(' | ')
}
