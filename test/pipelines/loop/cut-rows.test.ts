import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { POSITIONS_PROPERTY } from '../../../pipelines/loop/loop-state.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import type { PartProgress, Source } from '../../../pipelines/sources/source.ts'
import { partKey } from '../../../pipelines/sources/source.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { readRows } from '../../support/lake-content.ts'
import { createListSource } from '../../support/list-source.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'

let lake: Lake
beforeEach(async () => {
  lake = await openMemoryLake({ clock: systemClock })
})
afterEach(async () => {
  await lake.close()
})

const busy = { source: 'kafka:trades', partition: 0 }
const quiet = { source: 'kafka:trades', partition: 1 }
const LATEST = 17n

interface QuietSource extends Source {
  /** What `open` was told. */
  positions: ReadonlyMap<string, bigint>
}

/** Messages of one part, one a batch, beside a part that was opened at its end and never moves. */
function sourceOf(offsets: readonly bigint[]): QuietSource {
  const listed = createListSource({
    messages: offsets.map((offset) => ({
      part: busy,
      format: 'stock-json',
      offset,
      payload: `m${offset}`,
    })),
    batchSizes: [1],
    scratchDir: lake.scratchDir,
    ids: randomIds,
  })
  const source: QuietSource = {
    ...listed,
    positions: new Map(),
    open: (positions) => {
      source.positions = positions
      return listed.open(positions)
    },
    next: async (...limits) => {
      const batch = await listed.next(...limits)
      return batch && { ...batch, progress: [...batch.progress, resting(source.positions)] }
    },
  }
  return source
}

function resting(positions: ReadonlyMap<string, bigint>): PartProgress {
  const offset = positions.get(partKey(quiet)) ?? LATEST
  return {
    part: quiet,
    startOffset: offset,
    endOffset: offset,
    messageCount: 0,
    isAtEnd: true,
    isFinished: false,
  }
}

async function runLoop(source: Source): Promise<void> {
  await runMicroBatches(
    {
      lake,
      source,
      mode: 'live',
      writer: 'test',
      limits: { rows: 100, bytes: 1_000_000, timeMs: 1 },
    },
    new AbortController().signal,
  )
}

/** `cut partition start end` of every row of a part. */
async function readPartRows(): Promise<string[]> {
  const rows = await readRows<{ line: string }>(
    lake,
    'sluice.cuts',
    `SELECT concat_ws(' ', cut_number, source_partition, start_offset, end_offset) AS line
     FROM t WHERE source IS NOT NULL ORDER BY cut_number, source_partition`,
  )
  return rows.map(({ line }) => line)
}

async function forgetCachedPositions(): Promise<void> {
  await lake.catalog.commitTransaction([
    {
      identifier: tableId('sluice.cuts'),
      requirements: [],
      updates: [{ action: 'remove-properties', removals: [POSITIONS_PROPERTY] }],
    },
  ])
}

describe('a part that rests where it was opened', () => {
  it('is told in the first cut after that and in no later one', async () => {
    await runLoop(sourceOf([0n, 1n, 2n]))
    expect(await readPartRows()).toEqual(['1 0 0 1', '1 1 17 17', '2 0 1 2', '3 0 2 3'])
  })

  it('begins there again after a restart, and is not told again', async () => {
    await runLoop(sourceOf([0n]))
    await forgetCachedPositions()
    const restarted = sourceOf([0n, 1n])
    await runLoop(restarted)
    expect(Object.fromEntries(restarted.positions)).toEqual({
      [partKey(busy)]: 1n,
      [partKey(quiet)]: LATEST,
    })
    expect(await readPartRows()).toEqual(['1 0 0 1', '1 1 17 17', '2 0 1 2'])
  })

  it('makes no cut by itself', async () => {
    const batches = [
      { segments: [], progress: [resting(new Map())], messageCount: 0, sizeBytes: 0 },
    ]
    await runLoop({ ...sourceOf([]), next: () => Promise.resolve(batches.shift()) })
    expect(await readPartRows()).toEqual([])
    const cuts = await lake.catalog.loadTable(tableId('sluice.cuts'))
    expect(cuts?.metadata['current-snapshot-id']).toBeUndefined()
  })
})
