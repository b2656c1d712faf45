import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadExtensions } from '../../pipelines/config/load-extensions.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import type { LoopHooks } from '../../pipelines/loop/loop-hooks.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { repositoryRoot } from '../support/data.ts'
import { readRows } from '../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../support/list-source.ts'

const AT_MS = Date.parse('2025-01-15T00:00:00Z')

/** Messages of a stream of its own, from offset 0: a run goes on behind those that it took. */
const rates = (count: number): ListedMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    part: { source: 'kafka:rates', partition: 0 },
    format: 'binance-funding',
    offset: BigInt(index),
    payload: JSON.stringify({
      symbol: 'BTCUSDT',
      fundingTime: AT_MS + index * 3_600_000,
      fundingRate: '0.0001',
    }),
  }))
const klines = (count: number): ListedMessage[] =>
  Array.from({ length: count }, (_, index) => {
    const openMs = AT_MS + index * 60_000
    return {
      part: { source: 'kafka:klines', partition: 0 },
      format: 'binance-klines',
      offset: BigInt(index),
      payload: `${openMs},5,7,4,6,2,${openMs + 59_999},11,3,1,5,0`,
      headers: JSON.stringify({ venue: 'binance', symbol: 'BTCUSDT' }),
    }
  })

let directory: string
let plain: Lake
let extended: Lake
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-races-'))
  const model = await loadExtensions([join(repositoryRoot, 'examples/funding-rates.mjs')], '/')
  plain = await open()
  extended = await open(model)
})
afterEach(async () => {
  await plain.close()
  await extended.close()
  await rm(directory, { recursive: true, force: true })
})

function open(model?: LakeModel): Promise<Lake> {
  return openLake({ directory, model, clock: systemClock, ids: randomIds, createIfMissing: true })
}

async function take(lake: Lake, messages: readonly ListedMessage[], hooks: LoopHooks = {}) {
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      ...{ lake, hooks, mode: 'live', writer: 'test' },
      source: createListSource({ messages, batchSizes: [100], scratchDir, ids }),
      limits: { rows: 100, bytes: 1_000_000, timeMs: 1 },
    },
    new AbortController().signal,
  )
}

/** Runs once, when a cut is staged: what it commits comes first. */
function once(work: () => Promise<void>): LoopHooks {
  let isDone = false
  return {
    staged: async () => {
      if (isDone) return
      isDone = true
      await work()
    },
  }
}

const rowsOf = async (table: string) =>
  (await readRows<{ n: number }>(extended, table, 'SELECT count(*)::INTEGER AS n FROM t'))[0]?.n

async function expectFine(): Promise<void> {
  const { checks } = await verifyLake({ lake: extended, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

describe('a process with an extension beside one without it', { timeout: 120_000 }, () => {
  it('loses a race to it and goes on, as long as no row is of the extension', async () => {
    await take(
      extended,
      rates(3),
      once(() => take(plain, klines(2))),
    )
    expect([await rowsOf('silver.funding_rates'), await rowsOf('silver.klines')]).toEqual([3, 2])
    await expectFine()
  })

  it('shuts it out with its first row: its cuts would hide the tables that it does not know', async () => {
    await take(plain, klines(2))
    await take(extended, rates(3))
    const refused = take(plain, klines(4))
    await expect(refused).rejects.toMatchObject({ kind: 'commit-conflict', isRetryable: false })
    await expect(refused).rejects.toThrow(/silver\.funding_rates.*extension/s)
    expect([await rowsOf('silver.funding_rates'), await rowsOf('silver.klines')]).toEqual([3, 2])
    await take(extended, [...rates(5), ...klines(4)])
    expect([await rowsOf('silver.funding_rates'), await rowsOf('silver.klines')]).toEqual([5, 4])
    await expectFine()
  })

  it('shuts it out too where it came first while the other had staged its cut', async () => {
    await take(plain, klines(2))
    const refused = take(
      plain,
      klines(4),
      once(() => take(extended, rates(3))),
    )
    await expect(refused).rejects.toMatchObject({ kind: 'commit-conflict', isRetryable: false })
    expect([await rowsOf('silver.funding_rates'), await rowsOf('silver.klines')]).toEqual([3, 2])
    await expectFine()
  })
})
