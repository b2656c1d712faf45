import { afterEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { restoreLoop } from '../../../pipelines/loop/restore-loop.ts'
import { retireBronze, type RetiredBronze } from '../../../pipelines/loop/retire-bronze.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { loopOptionsOf } from '../../../pipelines/replay/replay-options.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { kinds } from '../../../shared-transforms/kind.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { auditorQueries } from '../../support/auditor-queries.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readRows } from '../../support/lake-content.ts'
import { cutsOf, DAY_US, openReplayLake, readAll, runReplay } from '../replay/replay-lake.ts'
import { sealAll, stream } from '../replay/replay-lake.ts'
import { INPUT_START_US, makeMessages, type Happening } from './generate-input.ts'

const HALF_DAY_MS = 43_200_000
const AGE_MS = 8 * 86_400_000
/** Lakes here have a clock that stands ten days behind the input's start. */
const CUTOFF_US = ((INPUT_START_US + 2n * DAY_US) / DAY_US) * DAY_US

const happenings: readonly Happening[] = [
  ...Array.from({ length: 9 }, (_, index): Happening => {
    const what = index % 3 === 2 ? 'quote' : 'trade'
    return { what, symbol: index % 2, afterMs: HALF_DAY_MS }
  }),
  { what: 'broken', symbol: 0 },
  { what: 'late-trade', symbol: 0, behindMs: 80_000_000 },
  { what: 'broken', symbol: 1 },
]
// A refused message and a late one among the old ones too.
const messages = makeMessages({
  happenings: [...happenings.slice(9), ...happenings],
  partitionCount: 2,
  hasOtherSources: false,
})

let lake: Lake
afterEach(() => lake.close())

async function retire(): Promise<RetiredBronze | undefined> {
  const session = await lake.engine.connect()
  try {
    const context = await restoreLoop(loopOptionsOf({ lake, writer: 'test' }, 'retention'), session)
    return await retireBronze(context, AGE_MS)
  } finally {
    session.close()
  }
}

async function countBronze(condition: string): Promise<number> {
  let sum = 0
  for (const kind of kinds) {
    const [row] = await readRows<{ n: bigint }>(
      lake,
      `bronze.${kind}_messages`,
      `SELECT count(*) AS n FROM t WHERE ${condition}`,
    )
    sum += Number(row?.n ?? 0n)
  }
  return sum
}
const isOld = `epoch_us(partition_ts) < ${CUTOFF_US}`

/** What `verify --deep` and the auditor's SQL find. */
async function findings(): Promise<string[]> {
  const { checks, skipped } = await verifyLake({ lake, isDeep: true })
  const found = checks.flatMap((check) => check.findings.map(({ what }) => what))
  const { catalog, fileIO, engine, manifestCache } = lake
  const cutsTable = tableId('sluice.cuts')
  const query = createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache })
  for (const { name, sql } of auditorQueries()) {
    const { rows } = await query.query(sql)
    for await (const row of rows) found.push(`${name}: ${row.length}`)
  }
  return [...found, ...skipped]
}

describe('old bronze that leaves for its age', () => {
  it('is gone by whole days, and all that counts messages knows of it', async () => {
    lake = await openReplayLake()
    await stream(lake, messages, [3])
    await sealAll(lake)
    const [old, young] = [await countBronze(isOld), await countBronze(`NOT ${isOld}`)]
    expect(Math.min(old, young)).toBeGreaterThan(2)
    const before = await readAll(lake)

    const retired = await retire()
    expect(retired?.messageCount).toBe(old)
    expect([await countBronze(isOld), await countBronze('true')]).toEqual([0, young])
    expect(await readAll(lake)).toEqual(before)
    expect(await findings()).toEqual([])
    expect(await retire()).toBeUndefined()

    const toDay = INPUT_START_US / DAY_US + 5n
    await expect(
      runReplay(lake, { range: { fromDay: CUTOFF_US / DAY_US, toDay } }),
    ).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(/left bronze for their age .*--layers gold/) as string,
    })
    const wholeFrom = BigInt(Date.parse(retired?.removed.wholeFromDay ?? '') / 86_400_000)
    expect(wholeFrom - CUTOFF_US / DAY_US).toBeLessThan(2n)
    const gold = await runReplay(lake, { layers: 'gold' })
    const later = await runReplay(lake, { range: { fromDay: wholeFrom + 1n, toDay } })
    expect([...cutsOf(gold), ...cutsOf(later)]).toEqual([])

    // What somebody else takes out as well is still found.
    await createForeignWriter(lake).deleteWhere('bronze.trade_messages', 'source_offset = 8')
    expect((await findings()).join()).toMatch(/Bronze lacks \d+ messages .* retentions removed/)
  }, 120_000)

  it('comes back with a rollback, and the receipts say so', async () => {
    lake = await openReplayLake()
    await stream(lake, messages, [4])
    await sealAll(lake)
    const before = await countBronze('true')
    const cutNumber = (await retire())?.committed.cutNumber ?? 0
    await rollBackLake({ lake, cutNumber: cutNumber - 1, writer: 'test' })
    expect(await countBronze('true')).toBe(before)
    expect(await findings()).toEqual([])
  }, 120_000)

  it('leaves after a cut of a running loop, which goes on', async () => {
    lake = await openReplayLake()
    let asked = 0
    const bronzeRetention = { ageMs: AGE_MS, isDue: () => ++asked >= 2 }
    await stream(lake, messages, [3], { bronzeRetention })
    const modes = await readRows<{ mode: string; removed: bigint | null }>(
      lake,
      'sluice.cuts',
      'SELECT mode, removed_count AS removed FROM t WHERE source IS NULL ORDER BY cut_number',
    )
    const removing = modes.filter(({ mode }) => mode === 'retention')
    expect(removing.length).toBeGreaterThan(0)
    expect(modes.at(0)?.mode).toBe('live')
    const removed = removing.reduce((sum, one) => sum + Number(one.removed ?? 0n), 0)
    expect(removed + (await countBronze('true'))).toBe(messages.length)
    expect(await findings()).toEqual([])
  }, 120_000)
})
