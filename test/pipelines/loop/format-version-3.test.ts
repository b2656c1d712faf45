import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { loadLiveEntries } from '../../../tables/commit/snapshot-manifests.ts'
import { readContentHashes } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'

const CUT_COUNT = 26
const MINUTE_US = 60_000_000n
const START_US = BigInt(Date.UTC(2025, 0, 15, 12)) * 1000n
/** Trades that come in a minute, late by so many: their windows lie in sealed files by then. */
const late = new Map([
  [21, [12]],
  [23, [13, 14]],
  [25, [16]],
])

/** A trade a minute and cut, and late ones now and then. */
function makeMessages(): { messages: ListedMessage[]; batchSizes: number[] } {
  const messages: ListedMessage[] = []
  const batchSizes: number[] = []
  for (let minute = 1; minute <= CUT_COUNT; minute += 1) {
    const delays = [0, ...(late.get(minute) ?? [])]
    for (const delay of delays) {
      const receivedUs = START_US + BigInt(minute) * MINUTE_US
      const eventMs = Number((receivedUs - BigInt(delay) * MINUTE_US) / 1000n)
      const payload = JSON.stringify({
        ...{ trade_id: `${minute}-${delay}`, symbol: 'AAPL', price: 100 + minute, volume: minute },
        ...{ timestamp: new Date(eventMs).toISOString(), trade_type: 'BUY', exchange: 'NASDAQ' },
      })
      const part = { source: 'kafka:stocks', partition: 0 } as const
      const offset = BigInt(messages.length)
      messages.push({ part, format: 'stock-json', offset, payload, receivedUs })
    }
    batchSizes.push(delays.length)
  }
  return { messages, batchSizes }
}

/** The same messages, with late ones for sealed windows, into tables of one format version. */
async function fill(formatVersion: 2 | 3): Promise<Lake> {
  const clock = createTestClock(START_US + 86_400_000_000n)
  const lake = await openMemoryLake({ clock, formatVersion })
  const { messages, batchSizes } = makeMessages()
  await runList(lake, messages, batchSizes)
  return lake
}

describe('a lake whose tables have format version 3', () => {
  let lakes: readonly [Lake, Lake]

  beforeAll(async () => {
    lakes = [await fill(2), await fill(3)]
  }, 180_000)

  afterAll(async () => {
    for (const lake of lakes) await lake.close()
  })

  it('has the content of one of version 2, and its receipts add up', async () => {
    const [two, three] = lakes
    expect(await readContentHashes(three)).toEqual(await readContentHashes(two))
    expect(await receiptProblems(three)).toEqual([])
  })

  it('repairs sealed windows by deletion vectors, one a data file', async () => {
    const [two, three] = lakes
    const added = async (lake: Lake, key: string) => {
      const { metadata } = headOf(await loadHeads(lake), 'gold.bars')
      expect(metadata.snapshots.length).toBeGreaterThan(CUT_COUNT / 2)
      return metadata.snapshots.filter(({ summary }) => Number(summary[key] ?? 0) > 0).length
    }
    expect(await added(two, 'added-position-delete-files')).toBeGreaterThan(1)
    expect(await added(three, 'added-dvs')).toBeGreaterThan(1)
    expect(await added(three, 'added-position-delete-files')).toBe(0)
    expect(await added(three, 'removed-dvs')).toBeGreaterThan(0)
    const { metadata } = headOf(await loadHeads(three), 'gold.bars')
    const entries = await loadLiveEntries(three, metadata)
    const targets = entries.flatMap(({ file }) =>
      file.content === 'deletion-vector' ? [file.referencedDataFile] : [],
    )
    expect(new Set(targets).size).toBe(targets.length)
  })

  it('numbers every row, none twice', async () => {
    const [, three] = lakes
    for (const name of ['gold.bars', 'silver.trades']) {
      const { metadata } = headOf(await loadHeads(three), name)
      const ranges = (await loadLiveEntries(three, metadata)).flatMap(({ file }) =>
        file.content === 'data' ? [[file.firstRowId ?? -1, file.recordCount] as const] : [],
      )
      ranges.sort(([a], [b]) => a - b)
      let next = 0
      for (const [first, count] of ranges) {
        expect(first).toBeGreaterThanOrEqual(next)
        next = first + count
      }
      expect(metadata['next-row-id']).toBeGreaterThanOrEqual(next)
    }
  })
})
