import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { createConsoleSink } from '../../../pipelines/sinks/console-sink.ts'
import { followCuts } from '../../../pipelines/sinks/follow-cuts.ts'
import { createParquetSink } from '../../../pipelines/sinks/parquet-sink.ts'
import { createSinkPositions } from '../../../pipelines/sinks/sink-position.ts'
import { readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { makeStockHours } from '../../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../../support/stock-hours-loop.ts'

/** Over midnight, so that there are two dates. */
const hours = makeStockHours(125, new Map())
const everyMinute = { ...hours, batchSizes: [200, 400, 1000] }
const { signal } = new AbortController()

describe('sinks that write rows out', () => {
  let lake: Lake
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-sinks-'))
    const clock = clockAfter(hours)
    lake = await openMemoryLake({ clock })
    await runStockHours(lake, clock, everyMinute)
  })
  afterAll(async () => {
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('writes Parquet by date that holds each row once, also where deliveries come twice', async () => {
    const positions = createSinkPositions(lake.fileIO, lake.location)
    const sink = createParquetSink(folder, lake.model)
    for (const name of ['first', 'second']) {
      const settings = { name, table: 'silver.trades', start: 'earliest' } as const
      await followCuts(lake, positions, { settings, sink }, signal)
    }
    const dates = await readdir(join(folder, 'silver.trades'))
    expect(dates.sort()).toEqual(['date=2025-01-15', 'date=2025-01-16'])
    const columns = 'venue_symbol, trade_id, epoch_us(event_ts) AS us, price::VARCHAR AS price'
    const session = await lake.engine.connect()
    const written = await session.rows(
      `SELECT ${columns}, date::VARCHAR = strftime(event_ts, '%Y-%m-%d') AS is_in_place FROM ` +
        `read_parquet('${folder}/silver.trades/*/*.parquet', hive_partitioning = true) ORDER BY ALL`,
    )
    session.close()
    const expected = await readRows(
      lake,
      'silver.trades',
      `SELECT ${columns}, true AS is_in_place FROM t ORDER BY ALL`,
    )
    expect(written).toEqual(expected)
  })

  it('writes a line of JSON a row, with cut and table', async () => {
    const pieces: string[] = []
    const sink = createConsoleSink((text) => {
      pieces.push(text)
      return Promise.resolve()
    })
    const positions = createSinkPositions(lake.fileIO, lake.location)
    const settings = { name: 'console', table: 'silver.trades', start: 'earliest' } as const
    await followCuts(lake, positions, { settings, sink }, signal)
    const lines = pieces.join('').trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const [counted] = await readRows<{ count: bigint }>(
      lake,
      'silver.trades',
      'SELECT count(*) AS count FROM t',
    )
    expect(rows).toHaveLength(Number(counted?.count))
    expect(rows[0]).toMatchObject({ cut: 1, table: 'silver.trades', venue: expect.any(String) })
    expect(typeof rows[0]?.price).toBe('string')
  })
})
