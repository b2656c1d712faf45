import { describe, expect, it } from 'vitest'
import { createRunStatistics } from '../../../pipelines/loop/run-statistics.ts'
import type { CutReceipt } from '../../../pipelines/loop/cut-receipt.ts'

const secondUs = 1_000_000n

function receipt(fields: Partial<CutReceipt>): CutReceipt {
  return {
    cutNumber: 1,
    committedUs: 0n,
    watermarkUs: undefined,
    rowsByTable: {},
    uncountedCount: 0,
    receivedUsQuantiles: [],
    timings: { derive: 0, write: 0, commit: 0, total: 0 },
    messageCount: 0,
    decodedCount: 0,
    ignoredCount: 0,
    rejectedCount: 0,
    rowCount: 0,
    silverCount: 0,
    duplicateCount: 0,
    refusedCount: 0,
    lateCount: 0,
    ...fields,
  }
}

/** A cut whose messages are all `ageMs` old when it is committed. */
const cutOfAge = (committedUs: bigint, ageMs: number, messageCount: number): CutReceipt =>
  receipt({
    committedUs,
    messageCount,
    receivedUsQuantiles: Array.from({ length: 21 }, () => committedUs - BigInt(ageMs) * 1000n),
  })

describe('the statistics of a run', () => {
  it('have no freshness before the first cut', () => {
    expect(createRunStatistics(0n).totals().freshness).toBeUndefined()
  })

  it('weigh freshness by messages and not by cuts', () => {
    const statistics = createRunStatistics(0n)
    statistics.add(cutOfAge(secondUs, 200, 990))
    for (let cut = 0n; cut < 5n; cut++) statistics.add(cutOfAge(2n * secondUs + cut, 4000, 1))
    expect(statistics.totals().freshness).toEqual({ p50: 200, p99: 200 })
    statistics.add(cutOfAge(3n * secondUs, 900, 100))
    expect(statistics.totals().freshness).toEqual({ p50: 200, p99: 900 })
  })

  it('forget slow cuts of long ago in the freshness of the last minute', () => {
    const statistics = createRunStatistics(0n)
    statistics.add(cutOfAge(secondUs, 5000, 100))
    statistics.add(cutOfAge(100n * secondUs, 250, 1))
    expect(statistics.recentFreshness(101n * secondUs)).toEqual({ p50: 250, p99: 250 })
  })

  it('count the rate over the last ten seconds, or since the start', () => {
    const statistics = createRunStatistics(0n)
    statistics.add(cutOfAge(1n * secondUs, 1, 400))
    statistics.add(cutOfAge(2n * secondUs, 1, 400))
    expect(statistics.eventsPerSecond(4n * secondUs)).toBe(200)
    expect(statistics.eventsPerSecond(11n * secondUs)).toBe(40)
  })

  it('add up rejected messages with refused rows, duplicates and late rows over all cuts', () => {
    const statistics = createRunStatistics(0n)
    const counts = { rejectedCount: 2, refusedCount: 1, duplicateCount: 4, lateCount: 5 }
    statistics.add(receipt(counts))
    statistics.add(receipt({ ...counts, committedUs: 500n * secondUs }))
    expect(statistics.totals()).toMatchObject({
      cutCount: 2,
      rejectedCount: 6,
      duplicateCount: 8,
      lateCount: 10,
    })
  })
})
