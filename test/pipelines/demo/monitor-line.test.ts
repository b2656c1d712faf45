import { describe, expect, it } from 'vitest'
import { monitorLine } from '../../../pipelines/demo/monitor-line.ts'
import type { MonitorState } from '../../../pipelines/demo/monitor-state.ts'

const noonUs = BigInt(Date.UTC(2024, 7, 8, 12)) * 1000n

const state: MonitorState = {
  lakeDirectory: '/data/lake',
  catalogUrl: 'http://127.0.0.1:8181',
  startedUs: noonUs,
  nowUs: noonUs + 5_000_000n,
  layers: [{ layer: 'bronze', tables: [{ name: 'trade_messages', rowCount: 1000 }] }],
  producedCount: 1005,
  eventsPerSecond: 199.6,
  freshness: undefined,
  watermarkUs: undefined,
  lastCut: undefined,
  rejectedCount: 2,
  duplicateCount: 0,
  lateCount: 0,
  diskBytes: undefined,
  problem: undefined,
  bars: [],
  commands: [],
}

describe('the monitor as a line', () => {
  it('says what there is before the first cut, and leaves out the rest', () => {
    expect(monitorLine(state)).toBe(
      '12:00:05Z cut none yet | 1,005 produced | rows bronze 1,000 | 200 events/s | 2 rejected',
    )
  })

  it('says freshness, watermark, disk use and a problem once it knows them', () => {
    const line = monitorLine({
      ...state,
      freshness: { p50: 300, p99: 1200 },
      watermarkUs: noonUs,
      lastCut: { cutNumber: 7, committedUs: noonUs, messageCount: 5 },
      diskBytes: 1_500_000,
      problem: 'gone',
    })
    expect(line).toContain('cut 7 |')
    expect(line).toContain('freshness p50 300 ms, p99 1.2 s | watermark 12:00:00Z')
    expect(line).toContain('reading the lake: gone | disk 1.5 MB')
  })
})
