import { afterEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { RejectFilter } from '../../../pipelines/lake/read-rejects.ts'
import { planRejects, replayRejects } from '../../../pipelines/replay/replay-rejects.ts'
import { joinRanges } from '../../../pipelines/lake/utc-days.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { formats, type Format } from '../../../shared-transforms/formats/formats.ts'
import { stockJson } from '../../../shared-transforms/formats/stock-json.ts'
import { readRows } from '../../support/lake-content.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { makeMessages, type Happening } from '../loop/generate-input.ts'
import { openReplayLake, readAll, sealAll, stream } from './replay-lake.ts'

function useFormat(format: Format): void {
  ;(formats as Map<string, Format>).set(format.name, format)
}

/** An older step that refused what it should not have: AAPL's trades, for two reasons. */
function broken(refusal: string): Format {
  return {
    ...stockJson,
    decodeSql: (kind, routed, dialect) => {
      const decoded = stockJson.decodeSql(kind, routed, dialect)
      return kind === 'trade' ? `SELECT * REPLACE (${refusal}) FROM (${decoded})` : decoded
    },
  }
}
const refusesPrices = broken(
  `CASE WHEN venue_symbol = 'AAPL' THEN coalesce(reason, 'out-of-range') ELSE reason END AS reason`,
)
const refusesTimes = broken(
  `CASE WHEN venue_symbol = 'AAPL' THEN coalesce(reason, 'bad-time') ELSE reason END AS reason, ` +
    `CASE WHEN venue_symbol = 'AAPL' THEN NULL ELSE event_ts END AS event_ts`,
)
const fixed: Format = { ...stockJson, version: 2 }

const happenings: readonly Happening[] = [
  ...Array.from({ length: 16 }, (_, index): Happening => {
    if (index % 6 === 3) return { what: 'repeat', of: index }
    if (index % 6 === 4) return { what: 'conflict', of: index }
    if (index % 6 === 5) return { what: 'quote', symbol: index % 3, afterMs: 400 }
    return { what: 'trade', symbol: index % 3, afterMs: 1_500 }
  }),
  { what: 'late-trade', symbol: 0, behindMs: 80_000_000 },
  { what: 'broken', symbol: 0 },
]
const messages = makeMessages({ happenings, partitionCount: 2, hasOtherSources: false })

let lake: Lake
afterEach(async () => {
  useFormat(stockJson)
  await lake.close()
})

async function streamBy(format: Format): Promise<Lake> {
  useFormat(format)
  const opened = await openReplayLake()
  await stream(opened, messages, [4])
  return opened
}

const optionsOf = (filter: RejectFilter = {}) => ({ lake, writer: 'test', filter })
const run = (filter: RejectFilter = {}) =>
  replayRejects(optionsOf(filter), new AbortController().signal)

function countRefused(reason: string): Promise<{ n: bigint }[]> {
  return readRows(
    lake,
    'silver.rejected_messages',
    `SELECT count(*) AS n FROM t WHERE reason = '${reason}'`,
  )
}

describe('rejects replay, after a step was mended', () => {
  it.each([
    ['out-of-range', refusesPrices],
    ['bad-time', refusesTimes],
  ] as const)(
    'makes of the lake what the mended step would have made at once: %s',
    async (reason, older) => {
      lake = await streamBy(stockJson)
      await sealAll(lake)
      const wanted = [await readAll(lake), await readTotals(lake)]
      await lake.close()

      lake = await streamBy(older)
      await sealAll(lake)
      const before = await readAll(lake)
      expect(before).not.toEqual(wanted[0])
      const [refused] = await countRefused(reason)
      expect(refused?.n).toBeGreaterThan(3n)

      // By the steps that refused them nothing decodes, and by another reason nothing is chosen.
      expect((await run()).chunks).toEqual([])
      useFormat(fixed)
      expect((await run({ reason: 'missing-field' })).chunks).toEqual([])
      const plan = await planRejects(optionsOf())
      expect(plan.reasons.find((one) => one.reason === reason)).toEqual({
        ...{ reason, messageCount: Number(refused?.n), derivedCount: Number(refused?.n) },
        ignoredCount: 0,
      })
      expect(await readAll(lake)).toEqual(before)

      const done = await run({ reason })
      expect(done.leftCount).toBe(0)
      expect([await readAll(lake), await readTotals(lake)]).toEqual(wanted)
      expect(await receiptProblems(lake)).toEqual([])
      const { checks } = await verifyLake({ lake, isDeep: true })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
      expect((await run()).chunks.flatMap(({ committed }) => committed?.cutNumber ?? [])).toEqual(
        [],
      )
    },
    120_000,
  )

  it('leaves days alone that are still open, and says which', async () => {
    lake = await streamBy(refusesPrices)
    useFormat(fixed)
    const done = await run()
    expect(done.openRanges.length).toBeGreaterThan(0)
    expect(done.leftCount).toBeGreaterThan(0)
    const reached = done.chunks.flatMap(({ replacedDays }) => replacedDays)
    for (const { fromDay, toDay } of done.openRanges) {
      expect(reached.filter((day) => day >= fromDay && day < toDay)).toEqual([])
    }
    expect(await receiptProblems(lake)).toEqual([])
  })
})

it('joins ranges of days that share a day, and those that touch where it is asked to', () => {
  const range = (fromDay: bigint, toDay: bigint) => ({ fromDay, toDay })
  const ranges = [range(5n, 7n), range(1n, 3n), range(2n, 4n), range(4n, 5n)]
  expect(joinRanges(ranges, 'overlapping')).toEqual([range(1n, 4n), range(4n, 5n), range(5n, 7n)])
  expect(joinRanges(ranges, 'touching')).toEqual([range(1n, 7n)])
})
