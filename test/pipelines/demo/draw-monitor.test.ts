import { describe, expect, it } from 'vitest'
import { drawMonitor } from '../../../pipelines/demo/draw-monitor.ts'
import type { BarLine, MonitorState } from '../../../pipelines/demo/monitor-state.ts'
import { secondTerminalCommands } from '../../../pipelines/demo/second-terminal-commands.ts'

const noonUs = BigInt(Date.UTC(2024, 7, 8, 12)) * 1000n

const bar = (symbol: string, minute: bigint): BarLine => ({
  venue_symbol: symbol,
  open_ts: noonUs + minute * 60_000_000n,
  open: '175.50000000',
  high: '176.00000000',
  low: '175.12345600',
  close: '175.75000000',
  volume: '1200.00000000',
  trade_count: '37',
  is_sealed: minute === 0n,
})

const state: MonitorState = {
  lakeDirectory: '/data/lake',
  catalogUrl: 'http://127.0.0.1:8181',
  startedUs: noonUs - 90_000_000n,
  nowUs: noonUs,
  layers: [
    { layer: 'bronze', tables: [{ name: 'trade_messages', rowCount: 12_000 }] },
    {
      layer: 'silver',
      tables: [
        { name: 'trades', rowCount: 11_000 },
        { name: 'quotes', rowCount: 900 },
      ],
    },
    { layer: 'gold', tables: [{ name: 'bars', rowCount: 60 }] },
  ],
  producedCount: 12_100,
  eventsPerSecond: 200.4,
  freshness: { p50: 320, p99: 1400 },
  watermarkUs: noonUs - 10_000_000n,
  lastCut: { cutNumber: 123, committedUs: noonUs - 300_000n, messageCount: 100 },
  rejectedCount: 7,
  duplicateCount: 5,
  lateCount: 3,
  diskBytes: 4_200_000,
  problem: undefined,
  bars: ['AAPL', 'MSFT', 'TSLA', 'AMZN', 'GOOGL'].map((symbol) => bar(symbol, 1n)),
  commands: secondTerminalCommands({
    lakeDirectory: '/data/lake',
    catalogUrl: 'http://127.0.0.1:8181',
    tenCutsAgo: { cutNumber: 113, snapshotId: 5_500_000_000_000_000_001n },
  }),
}

const plain = { width: 120, height: 60, hasColour: false }

function rowsNeeded(lines: readonly string[], width: number): number {
  return lines.reduce((sum, line) => sum + Math.max(Math.ceil(line.length / width), 1), 0)
}

describe('the monitor', () => {
  it('shows layers, rate, freshness, watermark, last cut and disk use', () => {
    const text = drawMonitor(state, plain).join('\n')
    expect(text).toContain('running 2 min')
    expect(text).toContain('http://127.0.0.1:8181')
    expect(text).toMatch(/silver\s+11,900 rows\s+trades 11,000 {2}quotes 900/)
    expect(text).toContain('200/s, 12,100 produced, 7 rejected, 5 duplicates, 3 late')
    expect(text).toContain('p50 320 ms, p99 1.4 s')
    expect(text).toContain('11:59:50Z, 10.0 s behind')
    expect(text).toContain('123, 300 ms ago, 100 messages')
    expect(text).toContain('disk use 4.2 MB')
  })

  it('shows a bar with exact prices, without zeros that say nothing', () => {
    expect(drawMonitor(state, plain).find((line) => line.startsWith('AAPL'))).toMatch(
      /^AAPL\s+12:01\s+175\.50\s+176\.00\s+175\.123456\s+175\.75\s+1200\.00\s+37\s+open$/,
    )
  })

  it('prints each command whole, however narrow the terminal is', () => {
    const lines = drawMonitor(state, { width: 40, height: 100, hasColour: false })
    for (const { command } of state.commands) expect(lines).toContain(command)
  })

  it('keeps every other line within the width', () => {
    const commands = new Set(state.commands.map(({ command }) => command))
    const lines = drawMonitor(state, { width: 40, height: 100, hasColour: false })
    const long = lines.filter((line) => line.length > 40 && !commands.has(line))
    expect(long.every((line) => /^lake |^INSTALL /.test(line))).toBe(true)
  })

  it.each([
    [80, 23],
    [80, 12],
    [40, 10],
    [200, 50],
    [120, 3],
  ])('fits into %d columns and %d rows', (width, height) => {
    const lines = drawMonitor(state, { width, height, hasColour: false })
    expect(rowsNeeded(lines, width)).toBeLessThanOrEqual(height)
  })

  it('has room for the commands and some bars on a terminal of 80 by 24', () => {
    const lines = drawMonitor(state, { width: 80, height: 23, hasColour: false })
    for (const { command } of state.commands) expect(lines).toContain(command)
    expect(
      lines.filter((line) => /^(AAPL|MSFT|TSLA|AMZN|GOOGL) /.test(line)).length,
    ).toBeGreaterThan(2)
  })

  it('says what is not there yet instead of showing nothing', () => {
    const text = drawMonitor(
      {
        ...state,
        freshness: undefined,
        watermarkUs: undefined,
        lastCut: undefined,
        diskBytes: undefined,
        bars: [],
        commands: secondTerminalCommands({
          lakeDirectory: '/data/lake',
          catalogUrl: 'http://127.0.0.1:8181',
          tenCutsAgo: undefined,
        }),
      },
      plain,
    ).join('\n')
    expect(text).toContain('newest one-minute bars: none yet')
    expect(text).toContain('from the eleventh cut on')
    expect(text).not.toContain('undefined')
  })

  it('writes no escape code without colour, and ends each colour that it starts', () => {
    const escape = '\x1b['
    expect(drawMonitor(state, plain).some((line) => line.includes(escape))).toBe(false)
    const coloured = drawMonitor(state, { ...plain, hasColour: true })
    for (const line of coloured.filter((text) => text.includes(escape))) {
      expect(line.endsWith('\x1b[0m')).toBe(true)
    }
  })
})
