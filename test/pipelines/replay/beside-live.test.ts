import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import type { CommitHooks } from '../../../tables/commit/commit-context.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { makeMessages, type Happening } from '../loop/generate-input.ts'
import { cutsOf, openReplayLake, readAll, runReplay, sealAll, stream } from './replay-lake.ts'

const happenings: readonly Happening[] = Array.from({ length: 24 }, (_, index): Happening => {
  if (index % 8 === 3) return { what: 'repeat', of: index }
  if (index % 8 === 5) return { what: 'conflict', of: index }
  if (index % 8 === 7) return { what: 'quote', symbol: index % 3, afterMs: 400 }
  return { what: 'trade', symbol: index % 3, afterMs: 1_500 }
})
const lateOnes: readonly Happening[] = [
  { what: 'late-trade', symbol: 0, behindMs: 30_000 },
  { what: 'late-trade', symbol: 1, behindMs: 80_000_000 },
  { what: 'repeat', of: 2 },
  { what: 'conflict', of: 4 },
]
const messages = makeMessages({
  happenings: [...happenings, ...lateOnes],
  partitionCount: 2,
  hasOtherSources: false,
})
const first = messages.slice(0, -lateOnes.length)
const rest = messages.slice(-lateOnes.length)

let lake: Lake
let straight: Record<string, string>
beforeAll(streamStraight, 180_000)
afterEach(() => lake.close())

/** All messages, the last ones after the days were closed. */
async function streamStraight(): Promise<void> {
  const own = await openReplayLake()
  try {
    await stream(own, first, [7])
    await sealAll(own)
    await stream(own, messages, [rest.length])
    straight = await readAll(own)
  } finally {
    await own.close()
  }
}

/** The first messages, their days closed, and something in silver that a replay has to put right. */
async function openBroken(options: Parameters<typeof openReplayLake>[0] = {}): Promise<void> {
  lake = await openReplayLake(options)
  await stream(lake, first, [7])
  await sealAll(lake)
  await createForeignWriter(lake).update('silver.trades', 'true', 'price + 1 AS price')
}

/** Only the first call does something: what it does itself commits too. */
function once(act: () => Promise<void>): () => Promise<void> {
  let isDone = false
  return async () => {
    if (isDone) return
    isDone = true
    await act()
  }
}

async function expectStraight(): Promise<void> {
  expect(withoutIngest(await readAll(lake))).toEqual(withoutIngest(straight))
  expect(await receiptProblems(lake)).toEqual([])
  const { held, derived } = await readGoldLaw(lake)
  expect(held).toEqual(derived)
  expect(cutsOf(await runReplay(lake))).toEqual([])
}

/** Cuts are not at the same times in two lakes, and refusals say when they came in. */
function withoutIngest({ rejected: _, ...hashes }: Record<string, string>) {
  return hashes
}

async function streamRest(hooks?: CommitHooks, taken: readonly ListedMessage[] = messages) {
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ messages: taken, batchSizes: [2], scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      ...(hooks === undefined ? {} : { hooks }),
    },
    new AbortController().signal,
  )
}

describe('a replay beside live', { timeout: 180_000 }, () => {
  it.each([
    ['before its files are named', 'dataFilesWritten'],
    ['while its commit is under way', 'commitSent'],
  ] as const)('takes in late rows that live commits %s', async (_, point) => {
    await openBroken()
    const hooks = { [point]: once(() => streamRest()) }
    const { chunks } = await runReplay(lake, { hooks, sleep: () => Promise.resolve() })
    expect(chunks.map(({ tryCount }) => tryCount)).toEqual([2])
    await expectStraight()
  })

  it.each([true, false])(
    'lets live go on where its cut came first, over a catalog with atomic commits: %s',
    async (isAtomic) => {
      await openBroken({ isAtomic })
      const replayed = once(async () => {
        expect(cutsOf(await runReplay(lake))).toHaveLength(1)
      })
      await streamRest({ staged: replayed })
      await expectStraight()
    },
  )

  it('does not let a second copy go on, whose messages another took', async () => {
    await openBroken()
    const second = streamRest({ staged: once(() => streamRest()) })
    await expect(second).rejects.toMatchObject({
      kind: 'commit-conflict',
      message: expect.stringMatching(/Another writer owns the lake/) as string,
    })
    await runReplay(lake)
    await expectStraight()
  })

  it('shows a reader every key once at any time', async () => {
    await openBroken()
    const { catalog, engine, fileIO, manifestCache } = lake
    const query = createLakeQuery({
      ...{ catalog, engine, fileIO, manifestCache },
      cutsTable: tableId('sluice.cuts'),
    })
    const seen: string[] = []
    const look = async () => {
      const sql =
        'SELECT (SELECT count(*) FROM silver.trades), (SELECT count(DISTINCT (venue, ' +
        'venue_symbol, trade_id, event_ts)) FROM silver.trades), ' +
        `(SELECT sum(trade_count) FROM gold.bars WHERE step = '1m')`
      const rows: unknown[] = []
      for await (const row of (await query.query(sql)).rows) rows.push(row)
      seen.push(String(rows[0]))
    }
    await look()
    const hooks = { dataFilesWritten: look, staged: look, commitSent: look, commitLanded: look }
    await runReplay(lake, { hooks })
    await look()
    expect(seen.length).toBeGreaterThan(5)
    const [rows] = (seen[0] ?? '').split(',')
    expect(new Set(seen)).toEqual(new Set([`${rows},${rows},${rows}`]))
  })
})
