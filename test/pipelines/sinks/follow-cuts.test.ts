import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { checkSinks, followCuts, type FollowedSink } from '../../../pipelines/sinks/follow-cuts.ts'
import { createSinkPositions, type SinkPositions } from '../../../pipelines/sinks/sink-position.ts'
import { bars } from '../../../gold/bars.ts'
import { cutHistory } from '../../../tables/spec/cut-history.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { readRows } from '../../support/lake-content.ts'
import { openMemoryLake, type TestClock } from '../../support/memory-lake.ts'
import { makeStockHours } from '../../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../../support/stock-hours-loop.ts'
import { createRecordingSink, type RecordedDelivery, type SinkRow } from './recording-sink.ts'

/** A market of 75 minutes, five a cut; in two of them sealed bars are repaired. */
const market = makeStockHours(
  75,
  new Map([
    [66, 'one'],
    [71, 'many'],
  ]),
)
const CUTS = 15
const hours = { messages: market.messages, batchSizes: fives(market.batchSizes) }
const HALF = 8
const firstHalf = {
  messages: hours.messages.slice(0, sum(hours.batchSizes.slice(0, HALF))),
  batchSizes: hours.batchSizes.slice(0, HALF),
}
const secondHalf = { ...hours, batchSizes: hours.batchSizes.slice(HALF) }
const { signal } = new AbortController()

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function fives(numbers: readonly number[]): number[] {
  return Array.from({ length: CUTS }, (_, index) => sum(numbers.slice(index * 5, index * 5 + 5)))
}

function settings(
  name: string,
  table: string,
  rest: Partial<FollowedSink['settings']> = {},
): FollowedSink['settings'] {
  return { name, table, start: 'earliest', ...rest }
}

/** The table that a consumer has who puts each row in the place of the one with its key. */
function upserted(
  deliveries: readonly RecordedDelivery[],
  key: readonly string[],
): Map<string, SinkRow> {
  const rows = new Map<string, SinkRow>()
  for (const delivery of deliveries) {
    for (const row of delivery.rows) rows.set(keyOf(row, key), row)
  }
  return rows
}

function keyOf(row: SinkRow, key: readonly string[]): string {
  return JSON.stringify(key.map((name) => String(row[name])))
}

function byKey(rows: readonly SinkRow[], key: readonly string[]): Map<string, SinkRow> {
  return new Map(rows.map((row) => [keyOf(row, key), row]))
}

describe('following the cuts of a lake', () => {
  let lake: Lake
  let clock: TestClock
  let positions: SinkPositions
  const early = createRecordingSink()
  const fromStart: FollowedSink = { settings: settings('trades', 'silver.trades'), sink: early }
  const late = createRecordingSink()
  const latest = settings('later', 'silver.trades', { start: 'latest' })

  beforeAll(async () => {
    clock = clockAfter(market)
    lake = await openMemoryLake({ clock })
    positions = createSinkPositions(lake.fileIO, lake.location)
    await runStockHours(lake, clock, firstHalf)
    await followCuts(lake, positions, fromStart, signal)
    await followCuts(lake, positions, { settings: latest, sink: late }, signal)
    await runStockHours(lake, clock, secondHalf)
    await followCuts(lake, positions, fromStart, signal)
    await followCuts(lake, positions, { settings: latest, sink: late }, signal)
  })
  afterAll(() => lake.close())

  it('gives each row of silver once, with the number of its cut', async () => {
    const expected = await readRows<{ cut_number: bigint; id: string }>(
      lake,
      'silver.trades',
      'SELECT dense_rank() OVER (ORDER BY ingested_ts) AS cut_number, ' +
        'venue_symbol || trade_id || epoch_us(event_ts)::VARCHAR AS id FROM t',
    )
    const idOf = (row: SinkRow) => `${String(row.venue_symbol)}${String(row.trade_id)}`
    const cuts = new Map(early.deliveries.map(({ cutNumber, rows }) => [cutNumber, rows.length]))
    expect(early.deliveries.map(({ cutNumber }) => cutNumber)).toEqual(
      hours.batchSizes.map((_, index) => index + 1),
    )
    const perCut = new Map<number, number>()
    for (const { cut_number: cut } of expected) {
      perCut.set(Number(cut), (perCut.get(Number(cut)) ?? 0) + 1)
    }
    expect(cuts).toEqual(perCut)
    const given = early.deliveries.flatMap(({ rows }) => rows)
    expect(new Set(given.map((row) => `${idOf(row)}${String(row.event_ts)}`)).size).toBe(
      expected.length,
    )
    expect(given).toHaveLength(expected.length)
  })

  it('begins with later cuts where it is told so', () => {
    expect(late.deliveries[0]?.cutNumber).toBe(firstHalf.batchSizes.length + 1)
    expect(late.deliveries).toEqual(early.deliveries.slice(firstHalf.batchSizes.length))
  })

  it('gives changed bars so that who upserts them by key has the table', async () => {
    const sink = createRecordingSink()
    await followCuts(lake, positions, { settings: settings('bars', bars.name), sink }, signal)
    const head = await readRows<SinkRow>(lake, bars.name, 'SELECT * FROM t')
    expect(upserted(sink.deliveries, bars.key)).toEqual(byKey(head, bars.key))
    // Far fewer than if each cut gave the whole tail.
    const given = sum(sink.deliveries.map(({ rows }) => rows.length))
    expect(given).toBeLessThan(head.length * 4)
    expect(sink.deliveries.some(({ rows }) => rows.some(({ revision }) => revision === 1))).toBe(
      true,
    )
  })

  it('gives no row that its condition leaves out', async () => {
    const sink = createRecordingSink()
    const where = "step = '1m' AND is_sealed"
    const chosen = settings('sealed', bars.name, { where })
    await followCuts(lake, positions, { settings: chosen, sink }, signal)
    const head = await readRows<SinkRow>(lake, bars.name, `SELECT * FROM t WHERE ${where}`)
    expect(head.length).toBeGreaterThan(0)
    expect(upserted(sink.deliveries, bars.key)).toEqual(byKey(head, bars.key))
  })

  it('gives a delivery again that failed, with the same cut and the same rows', async () => {
    const sink = createRecordingSink((number) => {
      if (number % 3 === 2) throw new Error('the place is away')
    })
    const followed = { settings: settings('failing', bars.name), sink }
    let failures = 0
    for (;;) {
      try {
        await followCuts(lake, positions, followed, signal)
        break
      } catch {
        failures += 1
      }
    }
    expect(failures).toBeGreaterThan(5)
    const [, second, third] = sink.deliveries
    expect(third).toEqual(second)
    const head = await readRows<SinkRow>(lake, bars.name, 'SELECT * FROM t')
    expect(upserted(sink.deliveries, bars.key)).toEqual(byKey(head, bars.key))
  })

  it('gives again what was taken before a crash could note it', async () => {
    const sink = createRecordingSink()
    const followed = { settings: settings('crashing', 'silver.trades'), sink }
    let writes = 0
    const dying: SinkPositions = {
      read: positions.read,
      write: async (name, position) => {
        writes += 1
        if (writes === 4) throw new Error('killed')
        await positions.write(name, position)
      },
    }
    await expect(followCuts(lake, dying, followed, signal)).rejects.toThrow('killed')
    await followCuts(lake, positions, followed, signal)
    const numbers = sink.deliveries.map(({ cutNumber }) => cutNumber)
    expect(numbers.slice(0, 5)).toEqual([1, 2, 3, 3, 4])
    expect(sink.deliveries[3]).toEqual(sink.deliveries[2])
  })

  it('passes over no row of cuts that expired meanwhile', async () => {
    const head = await readRows<SinkRow>(lake, 'silver.trades', 'SELECT * FROM t')
    const sink = createRecordingSink()
    await positions.write('slow', { cutNumber: 3, snapshotId: 99n })
    const followed = { settings: settings('slow', 'silver.trades'), sink }
    await followCuts(lake, positions, followed, signal)
    // Snapshot 99 is gone: everything is given, more than was asked for.
    const key = ['source', 'source_offset', 'source_row']
    expect(upserted(sink.deliveries, key)).toEqual(byKey(head, key))
  })

  it('stops between two deliveries', async () => {
    const stopping = new AbortController()
    const sink = createRecordingSink((number) => {
      if (number === 2) stopping.abort()
    })
    const followed = { settings: settings('stopped', 'silver.trades'), sink }
    expect(await followCuts(lake, positions, followed, stopping.signal)).toBe(2)
    expect(await positions.read('stopped')).toMatchObject({ cutNumber: 2 })
  })

  it('refuses a condition that the table does not know', async () => {
    const wrong = { table: bars.name, where: 'priec > 1' }
    await expect(checkSinks(lake, [wrong])).rejects.toMatchObject({ kind: 'invalid-input' })
    await checkSinks(lake, [{ table: bars.name, where: 'volume > 1 OR is_sealed' }])
  })

  it('notes the position of a sink whose table did not change', async () => {
    const sink = createRecordingSink()
    const none = settings('none', 'silver.rejected_messages', { where: 'false' })
    const cuts = await lake.catalog.loadTable(tableId('sluice.cuts'))
    const last = cuts === undefined ? undefined : cutHistory(cuts.metadata).at(-1)?.cutNumber
    expect(await followCuts(lake, positions, { settings: none, sink }, signal)).toBe(last)
    expect(await positions.read('none')).toMatchObject({ cutNumber: last })
  })
})
