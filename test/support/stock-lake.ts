import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { headOf, loadHeads } from '../../pipelines/loop/loop-context.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { randomIds } from '../../tables/clock.ts'
import { readRows } from './lake-content.ts'
import { createListSource } from './list-source.ts'
import { openExistingLake } from './local-lake.ts'
import { createTestClock } from './memory-lake.ts'
import { makeStockHours, MINUTE_US, STOCK_HOURS_START_US } from './stock-hours.ts'

/** A cut a minute of market time: enough for two compactions of the tables that grow each cut. */
export const STOCK_LAKE_CUTS = 200
/** The minute whose late row has to leave a sealed bar: its cut has this number + 1. */
const LATE_MINUTE = 154
/** Late rows of so many windows that a sealed file is worn and is written anew. */
const VERY_LATE_MINUTE = 186

/** Snapshot ids by table, by the name of a state of the lake. */
export type LakeStates = Readonly<Record<LakeState, Readonly<Record<string, string>>>>

/**
 * The head; the cut that repaired a sealed bar, when position deletes are live; a cut before any
 * late row; and the oldest cut that only its tag keeps.
 */
export const lakeStates = ['head', 'repaired', 'early', 'tagged'] as const
export type LakeState = (typeof lakeStates)[number]

export interface StockLake {
  readonly lake: Lake
  readonly states: LakeStates
}

/**
 * A lake of 200 cuts that the loop made, with late repairs, duplicates, rejected messages and
 * compactions: what other engines are asked to read. It takes a minute to make, so the suites of
 * one run share it, one after the other: none may write to it. The caller closes it.
 */
export async function openStockLake(): Promise<StockLake> {
  const folder = join(inject('sharedFolder'), 'stock lake')
  const statesFile = join(folder, 'states.json')
  const directory = join(folder, 'lake')
  if (existsSync(statesFile)) {
    const lake = await openExistingLake(directory)
    return { lake, states: JSON.parse(await readFile(statesFile, 'utf8')) as LakeStates }
  }
  const made = await makeStockLake(directory)
  await writeFile(statesFile, JSON.stringify(made.states))
  return made
}

async function makeStockLake(directory: string): Promise<StockLake> {
  const clock = createTestClock(STOCK_HOURS_START_US + MINUTE_US)
  const lake = await openLake({ directory, clock, ids: randomIds, createIfMissing: true })
  await fillLake(lake, () => {
    clock.advanceUs(MINUTE_US)
  })
  return { lake, states: await readStates(lake) }
}

/** Lets the loop make the lake: a cut a minute, the clock going with the market. */
async function fillLake(lake: Lake, advance: () => void): Promise<void> {
  const late = new Map([
    [LATE_MINUTE, 'one'],
    [VERY_LATE_MINUTE, 'many'],
  ] as const)
  const { messages, batchSizes } = makeStockHours(STOCK_LAKE_CUTS, late)
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ messages, batchSizes, scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: advance,
    },
    new AbortController().signal,
  )
}

/** Of the heads, and as sluice.cuts names them for some cuts. */
async function readStates(lake: Lake): Promise<LakeStates> {
  const heads = [...(await loadHeads(lake))].map(([name, { metadata }]) => [
    name,
    String(metadata['current-snapshot-id']),
  ])
  const rows = await readRows<{ cut_number: bigint; snapshot_ids: string }>(
    lake,
    'sluice.cuts',
    'SELECT cut_number, snapshot_ids FROM t WHERE source IS NULL',
  )
  const atCut = (cutNumber: number) => {
    const row = rows.find((each) => each.cut_number === BigInt(cutNumber))
    return JSON.parse(row?.snapshot_ids ?? '{}') as Record<string, string>
  }
  const tagged = await oldestTaggedCut(lake)
  return {
    head: Object.fromEntries(heads) as Record<string, string>,
    repaired: atCut(LATE_MINUTE + 1),
    early: atCut(STOCK_LAKE_CUTS - 55),
    tagged: atCut(tagged),
  }
}

async function oldestTaggedCut(lake: Lake): Promise<number> {
  const { metadata } = headOf(await loadHeads(lake), 'gold.bars')
  const numbers = Object.keys(metadata.refs)
    .map((name) => /^cut-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
  return Math.min(...numbers)
}
