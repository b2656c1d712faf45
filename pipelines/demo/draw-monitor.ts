import { formatCount, formatDuration, formatSize, formatTimeOfDay } from '../cli/format-units.ts'
import { drawTextTable, type TextColumn } from '../cli/text-table.ts'
import type { BarLine, MonitorState } from './monitor-state.ts'
import { duckdbAttachStatement } from './second-terminal-commands.ts'

export interface DrawingArea {
  readonly width: number
  readonly height: number
  readonly hasColour: boolean
}

/** A line and how to paint it; `isWhole` lines may wrap, so that they can be copied whole. */
interface MonitorLine {
  readonly text: string
  readonly style?: 'strong' | 'faint' | 'command'
  readonly isWhole?: boolean
}

const styleCodes = { strong: '1', faint: '2', command: '36' } as const

/** Bars that are worth more than empty lines and the statement for DuckDB. */
const MIN_BARS = 5

/**
 * The monitor as lines for a terminal of this size. Pure: the same state gives the same picture.
 * Where the height is short, empty lines and the DuckDB statement go first, then bars.
 */
export function drawMonitor(state: MonitorState, area: DrawingArea): readonly string[] {
  const rowsOf = (lines: readonly MonitorLine[]): number =>
    lines.reduce((sum, line) => sum + rowCount(line, area.width), 0)
  const above = [headLines(state), layerLines(state), pulseLines(state)]
  const bars = barLines(state.bars)
  const commands = commandLines(state)
  const duckdb = duckdbLines(state)
  const room = area.height - rowsOf([...above.flat(), ...commands])
  const gapCount = above.length + 2
  const isRoomy = room >= rowsOf(duckdb) + gapCount + Math.min(bars.length, MIN_BARS + 1)
  const barRoom = isRoomy ? room - rowsOf(duckdb) - gapCount : room
  const sections = [
    ...above,
    barRoom >= 2 ? bars.slice(0, barRoom) : [],
    commands,
    ...(isRoomy ? [duckdb] : []),
  ]
  const lines: MonitorLine[] = []
  for (const [index, section] of sections.entries()) {
    const gap: readonly MonitorLine[] = isRoomy && index > 0 ? [{ text: '' }] : []
    for (const line of [...gap, ...section]) {
      if (rowsOf([...lines, line]) > area.height) return lines.map((kept) => paint(kept, area))
      lines.push(line)
    }
  }
  return lines.map((line) => paint(line, area))
}

function headLines(state: MonitorState): readonly MonitorLine[] {
  const ran = formatDuration(Number((state.nowUs - state.startedUs) / 1000n))
  return [
    { text: `sluice demo, running ${ran}. Ctrl-C ends it.`, style: 'strong' },
    { text: `lake ${state.lakeDirectory}   catalog ${state.catalogUrl}`, isWhole: true },
  ]
}

function layerLines(state: MonitorState): readonly MonitorLine[] {
  const rows = state.layers.map(({ layer, tables }) => [
    layer,
    `${formatCount(tables.reduce((sum, table) => sum + table.rowCount, 0))} rows`,
    tables.map((table) => `${table.name} ${formatCount(table.rowCount)}`).join('  '),
  ])
  const columns: readonly TextColumn[] = [
    { title: '', align: 'left' },
    { title: '', align: 'right' },
    { title: '', align: 'left' },
  ]
  return tableLines(columns, rows).slice(1)
}

function pulseLines(state: MonitorState): readonly MonitorLine[] {
  const { freshness, watermarkUs, lastCut, nowUs } = state
  const fresh =
    freshness === undefined
      ? 'no cut yet'
      : `p50 ${formatDuration(freshness.p50)}, p99 ${formatDuration(freshness.p99)}`
  const watermark =
    watermarkUs === undefined
      ? 'none yet'
      : `${formatTimeOfDay(watermarkUs)}Z, ${behind(nowUs, watermarkUs)} behind`
  const cut =
    lastCut === undefined
      ? 'none yet'
      : `${lastCut.cutNumber}, ${behind(nowUs, lastCut.committedUs)} ago, ` +
        `${formatCount(lastCut.messageCount)} messages`
  const disk = state.diskBytes === undefined ? 'measuring' : formatSize(state.diskBytes)
  return [
    {
      text:
        `events     ${formatCount(Math.round(state.eventsPerSecond))}/s, ` +
        `${formatCount(state.producedCount)} produced, ` +
        `${formatCount(state.rejectedCount)} rejected, ` +
        `${formatCount(state.duplicateCount)} duplicates, ${formatCount(state.lateCount)} late`,
    },
    { text: `freshness  ${fresh}   watermark ${watermark}` },
    { text: `last cut   ${cut}   disk use ${disk}` },
    ...(state.problem === undefined ? [] : [{ text: `reading the lake: ${state.problem}` }]),
  ]
}

function behind(nowUs: bigint, thenUs: bigint): string {
  return formatDuration(Math.max(Number((nowUs - thenUs) / 1000n), 0))
}

const barColumns: readonly TextColumn[] = [
  { title: 'newest bars', align: 'left' },
  { title: 'minute', align: 'left' },
  { title: 'open', align: 'right' },
  { title: 'high', align: 'right' },
  { title: 'low', align: 'right' },
  { title: 'close', align: 'right' },
  { title: 'volume', align: 'right' },
  { title: 'trades', align: 'right' },
  { title: '', align: 'left' },
]

function barLines(bars: readonly BarLine[]): readonly MonitorLine[] {
  if (bars.length === 0) return [{ text: 'newest one-minute bars: none yet', style: 'faint' }]
  const rows = bars.map((bar) => [
    bar.venue_symbol,
    formatTimeOfDay(bar.open_ts).slice(0, 5),
    ...[bar.open, bar.high, bar.low, bar.close].map(shortDecimal),
    shortDecimal(bar.volume),
    bar.trade_count,
    bar.is_sealed ? 'sealed' : 'open',
  ])
  return tableLines(barColumns, rows)
}

/** `175.50000000` as `175.50`: zeros that say nothing go, a price keeps its cents. */
function shortDecimal(text: string): string {
  return text.replace(/(\.\d{2}\d*?)0+$/, '$1')
}

function tableLines(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
): readonly MonitorLine[] {
  return drawTextTable(columns, rows).map((text, index) =>
    index === 0 ? { text, style: 'faint' } : { text },
  )
}

function commandLines(state: MonitorState): readonly MonitorLine[] {
  return state.commands.flatMap(({ title, command }): readonly MonitorLine[] => [
    { text: `in a second terminal, ${title}:`, style: 'faint' },
    command === undefined
      ? { text: 'from the eleventh cut on', style: 'faint' }
      : { text: command, style: 'command', isWhole: true },
  ])
}

function duckdbLines(state: MonitorState): readonly MonitorLine[] {
  return [
    { text: 'in DuckDB:', style: 'faint' },
    { text: duckdbAttachStatement(state.catalogUrl), style: 'command', isWhole: true },
  ]
}

function rowCount(line: MonitorLine, width: number): number {
  return line.isWhole === true ? Math.max(Math.ceil(line.text.length / width), 1) : 1
}

function paint(line: MonitorLine, area: DrawingArea): string {
  const text = line.isWhole === true ? line.text : line.text.slice(0, area.width)
  if (line.style === undefined || !area.hasColour || text === '') return text
  return `\x1b[${styleCodes[line.style]}m${text}\x1b[0m`
}
