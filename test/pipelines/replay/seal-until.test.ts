import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { sealUntil } from '../../../pipelines/replay/seal-until.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { readRows } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { INPUT_START_US, makeMessages, type Happening } from '../loop/generate-input.ts'
import { DAY_US, openReplayLake, stream } from './replay-lake.ts'

const trade: Happening = { what: 'trade', symbol: 0, afterMs: 1_000 }
const messages = makeMessages({
  happenings: [trade, trade, { what: 'late-trade', symbol: 0, behindMs: 1_500 }],
  partitionCount: 1,
  hasOtherSources: false,
})
const first = messages.slice(0, 2)
/** The input begins ten seconds before this midnight. */
const midnightUs = INPUT_START_US + 10_000_000n

/** The tests work on one lake, one after the other. */
describe('sealing a stream that rests', () => {
  let lake: Lake
  beforeAll(async () => {
    lake = await openReplayLake()
    await stream(lake, first, [2])
  }, 60_000)
  afterAll(() => lake.close())

  const seal = (untilUs: bigint) => sealUntil({ lake, untilUs, writer: 'test' })
  const openBars = () => readRows(lake, 'gold.bars', 'SELECT step FROM t WHERE NOT is_sealed')

  it('is refused in the future, where all that came would be late', async () => {
    await expect(seal(lake.clock.nowUs() + 1n)).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(/that is in the future.*Nothing was changed/) as string,
    })
  })

  it('moves the watermark in a cut of its own and seals what ends by then', async () => {
    expect(await openBars()).toHaveLength(4)
    const sealed = await seal(midnightUs)
    expect(sealed).toMatchObject({ cutNumber: 2, watermarkUs: midnightUs })
    expect(await openBars()).toEqual([])
    const rows = await readRows<{ mode: string; watermark: bigint; n: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT mode, epoch_us(watermark_ts) AS watermark, message_count AS n FROM t WHERE cut_number = 2',
    )
    expect(rows).toEqual([{ mode: 'seal', watermark: midnightUs, n: 0n }])
    expect(await receiptProblems(lake)).toEqual([])
  }, 60_000)

  it('is refused at or behind the watermark, which never goes back', async () => {
    await expect(seal(midnightUs)).rejects.toThrow(/never goes back/)
    await expect(seal(midnightUs - DAY_US)).rejects.toThrow(/never goes back/)
  })

  it('takes what comes from before it for late, and merges it in all the same', async () => {
    await stream(lake, messages, [1])
    const [cut] = await readRows<{ late: bigint; silver: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT late_count AS late, silver_count AS silver FROM t WHERE cut_number = 3 AND source IS NULL',
    )
    expect(cut).toEqual({ late: 1n, silver: 1n })
    const { held, derived } = await readGoldLaw(lake)
    expect(held).toEqual(derived)
    const bars = `SELECT DISTINCT trade_count AS n, revision FROM t WHERE step = '1d'`
    expect(await readRows(lake, 'gold.bars', bars)).toEqual([{ n: 3n, revision: 1 }])
  }, 60_000)
})
