import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compactTables } from '../../../pipelines/lake/compact-tables.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { maintainOpenLake } from '../../../pipelines/lake/with-maintained-lake.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { decodePositions, POSITIONS_PROPERTY } from '../../../pipelines/loop/loop-state.ts'
import { readFileRanges } from '../../../pipelines/loop/read-file-ranges.ts'
import { readPositionsFromRows } from '../../../pipelines/loop/read-positions.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { randomIds } from '../../../tables/clock.ts'
import { committedCut } from '../../../tables/spec/cut-history.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { generatedInputs, INPUT_START_US, makeMessages } from './generate-input.ts'

const openLake = () =>
  openMemoryLake({ clock: createTestClock(INPUT_START_US + 2n * 86_400_000_000n) })

async function run(
  lake: Lake,
  messages: readonly ListedMessage[],
  batchSizes: readonly number[],
  batchCountMax = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { scratchDir } = lake
  const options = { messages, batchSizes, scratchDir, ids: randomIds, batchCountMax }
  await runMicroBatches(
    {
      lake,
      source: createListSource(options),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
    },
    new AbortController().signal,
  )
}

async function lastCut(lake: Lake): Promise<number> {
  return committedCut(headOf(await loadHeads(lake), 'sluice.cuts').metadata)?.cutNumber ?? 0
}

const rollBack = (lake: Lake, cutNumber: number) =>
  rollBackLake({ lake, cutNumber, writer: 'rollback@test:1' })

/** The state that a start takes, and the same from the rows alone. */
async function bothStates(lake: Lake) {
  const cuts = headOf(await loadHeads(lake), 'sluice.cuts')
  const cutNumber = await lastCut(lake)
  const session = await lake.engine.connect()
  try {
    const rows = await readPositionsFromRows(lake, session, cuts, cutNumber)
    const text = cuts.metadata.properties[POSITIONS_PROPERTY] ?? ''
    return { rows, cached: decodePositions(text, cutNumber) }
  } finally {
    session.close()
  }
}

/** The same messages with other prices: what a bad producer sent in their place. */
function spoil(messages: readonly ListedMessage[]): ListedMessage[] {
  return messages.map((message) => ({
    ...message,
    payload: String(message.payload)
      .replace(/"price":1/, '"price":7')
      .replace(',1680000,', ',1690000,'),
  }))
}

const trade = (index: number, source = 'kafka:stocks'): ListedMessage => ({
  part: { source, partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload: JSON.stringify({
    trade_id: `T${source}${index}`,
    symbol: 'AAPL',
    price: 100 + index,
    volume: 10,
    timestamp: new Date(Number(INPUT_START_US / 1000n) + index * 1000).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: INPUT_START_US + BigInt(index) * 1_000_000n,
})

const trades = (count: number) => Array.from({ length: count }, (_, index) => trade(index))

const runCount = Number(process.env.SLUICE_ROLLBACK_RUNS ?? '4')

describe('a rollback and a run after it', () => {
  it('give what a run gives that never went wrong', async () => {
    await fc.assert(
      fc.asyncProperty(
        generatedInputs,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 3 }),
        fc.nat(),
        fc.nat(),
        async (input, batchSizes, goodBatches, chosen, again) => {
          const messages = makeMessages(input)
          const straight = await openLake()
          await run(straight, messages, [1_000_000])
          const lake = await openLake()
          await run(lake, messages, batchSizes, goodBatches + 1)
          const good = await lastCut(lake)
          await run(lake, spoil(messages), batchSizes)
          const target = 1 + (chosen % good)
          const before = await lastCut(lake)
          // All good: there is nothing to go back from.
          fc.pre(before > target)
          await rollBack(lake, target)
          const states = await bothStates(lake)
          expect(states.cached).toEqual(states.rows)
          if (again % 2 === 0) {
            // Forward to a cut that was undone, and back once more.
            await rollBack(lake, 1 + (again % before))
              .then(() => rollBack(lake, target))
              .catch((error: unknown) => {
                expect(error).toMatchObject({ kind: 'invalid-input' })
              })
          }
          await run(lake, messages, batchSizes)
          expect(await receiptProblems(lake)).toEqual([])
          expect(await readContentHashes(lake)).toEqual(await readContentHashes(straight))
          await lake.close()
          await straight.close()
        },
      ),
      { numRuns: runCount, endOnFailure: true },
    )
  }, 600_000)
})

describe('a rollback', () => {
  it('is a cut of its own that says where it went, and undone cuts can still be read', async () => {
    const lake = await openLake()
    await run(lake, trades(6), [2])
    const result = await rollBack(lake, 1)
    expect(result).toMatchObject({
      restoredCut: 1,
      previousCut: 3,
      cutNumber: 4,
      parts: [{ source: 'kafka:stocks', partition: 0, fromOffset: 6n, toOffset: 2n }],
      counts: { messageCount: -4, silverCount: -4 },
    })
    expect(result.tables.map(({ table }) => table)).toEqual([
      'bronze.trade_messages',
      'silver.trades',
      'gold.bars',
    ])
    const rows = await readRows(
      lake,
      'sluice.cuts',
      'SELECT cut_number, mode, restored_cut, start_offset, end_offset, message_count FROM t ' +
        'WHERE cut_number = 4 ORDER BY source NULLS FIRST',
    )
    const shared = { cut_number: 4n, mode: 'rollback', restored_cut: 1n, message_count: -4n }
    expect(rows).toEqual([
      { ...shared, start_offset: null, end_offset: null },
      { ...shared, start_offset: 6n, end_offset: 2n },
    ])
    const { metadata } = headOf(await loadHeads(lake), 'silver.trades')
    expect(metadata.snapshots).toHaveLength(3)
    await lake.close()
  })

  it('changes nothing in a dry run, and says the same', async () => {
    const lake = await openLake()
    await run(lake, trades(4), [2])
    const dry = await rollBackLake({ lake, cutNumber: 1, writer: 'test', isDryRun: true })
    expect(await lastCut(lake)).toBe(2)
    const done = await rollBack(lake, 1)
    expect(done).toEqual({ ...dry, cutNumber: 3 })
    await lake.close()
  })

  it('goes forward again to a cut that was undone', async () => {
    const lake = await openLake()
    await run(lake, trades(6), [2])
    const before = await readContentHashes(lake)
    await rollBack(lake, 1)
    expect(await readContentHashes(lake)).not.toEqual(before)
    const result = await rollBack(lake, 3)
    expect(result).toMatchObject({ cutNumber: 5, counts: { messageCount: 4 } })
    expect(await readContentHashes(lake)).toEqual(before)
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('empties tables that had no row yet, and they fill again', async () => {
    const lake = await openLake()
    const broken: ListedMessage = { ...trade(0), payload: '{"price":' }
    const messages = [broken, ...trades(4).slice(1)]
    await run(lake, messages, [1])
    await rollBack(lake, 1)
    const { metadata } = headOf(await loadHeads(lake), 'silver.trades')
    expect(metadata['current-snapshot-id']).toBeUndefined()
    expect(metadata.refs).toEqual({})
    expect(metadata.snapshots).toHaveLength(3)
    await run(lake, messages, [2])
    const [row] = await readRows(lake, 'silver.trades', 'SELECT count(*) AS n FROM t')
    expect(row).toEqual({ n: 3n })
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('forgets a file that was read after the cut, so that it is read again', async () => {
    const lake = await openLake()
    const file = 'file:00ff:7'
    await run(lake, trades(2), [2])
    await run(lake, [trade(0, file), trade(1, file)], [1])
    await rollBack(lake, 1)
    const { rows } = await bothStates(lake)
    expect([...rows.parts.keys()]).toEqual(['kafka:stocks#0'])
    const cuts = headOf(await loadHeads(lake), 'sluice.cuts')
    const session = await lake.engine.connect()
    expect(await readFileRanges(lake, session, cuts, [file])).toEqual(new Map())
    session.close()
    await run(lake, [trade(0, file), trade(1, file)], [2])
    const [row] = await readRows(lake, 'silver.trades', 'SELECT count(*) AS n FROM t')
    expect(row).toEqual({ n: 4n })
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('puts right what another engine rolled back by itself', async () => {
    const lake = await openLake()
    await run(lake, trades(6), [2])
    const good = await readContentHashes(lake)
    const bars = headOf(await loadHeads(lake), 'gold.bars')
    const [first] = bars.metadata.snapshots
    await lake.catalog.commitTransaction([
      {
        identifier: tableId('gold.bars'),
        requirements: [],
        updates: [
          {
            action: 'set-snapshot-ref',
            'ref-name': 'main',
            type: 'branch',
            'snapshot-id': first?.['snapshot-id'] ?? 0n,
          },
        ],
      },
    ])
    await expect(run(lake, trades(8), [2])).rejects.toMatchObject({ kind: 'data-loss' })
    const result = await rollBack(lake, 3)
    expect(result.tables.map(({ table }) => table)).toEqual(['gold.bars'])
    expect(result.parts).toEqual([])
    expect(await readContentHashes(lake)).toEqual(good)
    await run(lake, trades(8), [2])
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('is refused for the cut that the lake is at, for no cut, and for one to come', async () => {
    const lake = await openLake()
    await expect(rollBack(lake, 1)).rejects.toThrow(/no cut yet/)
    await run(lake, trades(4), [2])
    await expect(rollBack(lake, 2)).rejects.toThrow(/at cut 2 already/)
    await expect(rollBack(lake, 3)).rejects.toThrow(/the newest cut is 2/)
    // Files that were put together since hold the same rows.
    const [compacted] = await maintainOpenLake(lake, (maintained) =>
      compactTables(maintained, [tableId('silver.trades')], { leastFileCount: 2 }),
    )
    expect(compacted).toMatchObject({ removedFileCount: 2, addedFileCount: 1 })
    await expect(rollBack(lake, 2)).rejects.toThrow(/at cut 2 already/)
    expect(await lastCut(lake)).toBe(2)
    await lake.close()
  })
})
