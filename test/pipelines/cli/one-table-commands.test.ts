import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLakeLock } from '../../../pipelines/lake/lake-lock.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import {
  headRequirements,
  snapshotUpdates,
  stageTable,
} from '../../../tables/commit/stage-table.ts'
import { planRelation } from '../../../pipelines/loop/loop-context.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { timeText } from '../../../tables/spec/time-text.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { type LocalLake, openExistingLake, openLocalLake } from '../../support/local-lake.ts'
import { runCommand } from '../../support/run-command.ts'
import { runList } from '../../support/run-list.ts'

const SIGNALS = 'research.signals'
const TRADES = 'silver.trades'
const START_MS = 1_736_985_590_000

const trades: readonly ListedMessage[] = Array.from({ length: 4 }, (_, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload: JSON.stringify({
    trade_id: `T${index}`,
    symbol: 'AAPL',
    price: 100 + index,
    volume: 10,
    timestamp: new Date(START_MS + index).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: BigInt(START_MS) * 1000n,
}))

/** A lake of two cuts, and a table in it that is somebody's own, with three snapshots. */
let local: LocalLake
let lake: Lake
const openOnEach = (): void => {
  beforeEach(async () => {
    local = await openLocalLake()
    lake = local.lake
    await runList(lake, trades, [2])
    await lake.catalog.createNamespace(['research'])
    await lake.catalog.createTable(tableId(SIGNALS), {
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [{ id: 1, name: 'id', type: 'long', required: false }],
      },
      formatVersion: 2,
      properties: {},
    })
    for (const id of [1, 2, 3]) await insert(SIGNALS, `SELECT ${id}::BIGINT AS id`)
  })
  afterEach(async () => {
    await lake.close()
    await local.close()
  })
}

const insert = (table: string, query: string) => createForeignWriter(lake).insert(table, query)

const run = (...args: readonly string[]) => runCommand(local.directory, ...args)

async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await run(...args, '--json')) as T
}

async function metadataOf(table: string): Promise<TableMetadata> {
  const loaded = await lake.catalog.loadTable(tableId(table))
  if (loaded === undefined) throw new Error(`there is no table ${table}`)
  return loaded.metadata
}

const headOf = async (table: string) => String((await metadataOf(table))['current-snapshot-id'])

/** The ids of a table's snapshots, oldest first. */
async function snapshotIds(table: string): Promise<string[]> {
  return (await metadataOf(table)).snapshots.map((each) => String(each['snapshot-id']))
}

async function signals(): Promise<bigint[]> {
  const { fileIO, manifestCache } = lake
  const metadata = await metadataOf(SIGNALS)
  const relation = await planRelation(lake, await planScan({ fileIO, metadata, manifestCache }))
  const session = await lake.engine.connect()
  try {
    const rows = await session.rows<{ id: bigint }>(`SELECT id FROM ${relation} ORDER BY id`)
    return rows.map(({ id }) => id)
  } finally {
    session.close()
  }
}

/** A snapshot of the table that main does not name, as write-audit-publish leaves it. */
async function stage(table: string, query: string): Promise<string> {
  const { catalog, fileIO, clock, ids, manifestCache, scratchDir } = lake
  const loaded = await catalog.loadTable(tableId(table))
  if (loaded === undefined) throw new Error(`there is no table ${table}`)
  const session = await lake.engine.connect()
  const { metadata } = loaded
  try {
    const writer = { session, fileIO, ids, scratchDir }
    const { snapshot } = await stageTable(
      { catalog, fileIO, clock, ids, manifestCache },
      {
        table: loaded,
        change: {
          identifier: loaded.identifier,
          operation: 'append',
          addDataFiles: await writeDataFiles(writer, metadata, query),
          ...{ addDeletes: [], removePaths: [], removeDeletePaths: [], mustBeLive: [] },
        },
        snapshotId: ids.snapshotId(),
        timestampMs: metadata['last-updated-ms'],
        summary: { 'wap.id': 'audit-7' },
      },
    )
    const [add] = snapshotUpdates(snapshot)
    if (add === undefined) throw new Error('nothing was staged')
    const { identifier } = loaded
    await catalog.commitTransaction([
      { identifier, requirements: headRequirements(loaded), updates: [add] },
    ])
    return String(snapshot['snapshot-id'])
  } finally {
    session.close()
  }
}

describe('sluice rollback TABLE', () => {
  openOnEach()

  it('sets a table of your own back to a snapshot, and says what that undid', async () => {
    const [first = '', second = '', third = ''] = await snapshotIds(SIGNALS)
    // What would be done is told while another process writes to the lake, too.
    const lock = await acquireLakeLock({
      ...{ directory: local.directory, purpose: 'sluice live' },
      ...{ clock: systemClock, ids: randomIds },
    })
    const dry = await run('rollback', SIGNALS, '--to-snapshot', first, '--dry-run')
    expect(dry).toContain('nothing was changed')
    await expect(run('rollback', SIGNALS, '--to-snapshot', first)).rejects.toMatchObject({
      kind: 'commit-conflict',
    })
    await lock.release()
    expect(await signals()).toEqual([1n, 2n, 3n])
    expect(await json('rollback', SIGNALS, '--to-snapshot', first)).toEqual({
      table: SIGNALS,
      fromSnapshotId: third,
      toSnapshotId: first,
      undone: [third, second],
      isChanged: true,
    })
    expect(await signals()).toEqual([1n])
    expect(await run('rollback', SIGNALS, '--to-snapshot', first)).toContain('already')
  })

  it('goes back to a tag, and to the newest snapshot at or before a time', async () => {
    const { snapshots } = await metadataOf(SIGNALS)
    const [first, second] = snapshots
    if (first === undefined || second === undefined) throw new Error('no snapshots')
    await lake.catalog.commitTransaction([
      {
        identifier: tableId(SIGNALS),
        requirements: [],
        updates: [
          {
            action: 'set-snapshot-ref',
            'ref-name': 'good',
            type: 'tag',
            'snapshot-id': second['snapshot-id'],
          },
        ],
      },
    ])
    await run('rollback', SIGNALS, '--to-tag', 'good')
    expect(await signals()).toEqual([1n, 2n])
    const time = `${timeText(BigInt(first['timestamp-ms']) * 1000n)}Z`
    await run('rollback', SIGNALS, '--to-time', time)
    const head = (await metadataOf(SIGNALS))['current-snapshot-id']
    const newestOfThen = snapshots.filter((each) => each['timestamp-ms'] <= first['timestamp-ms'])
    expect([second, ...newestOfThen].map((each) => each['snapshot-id'])).toContain(head)
    await expect(run('rollback', SIGNALS, '--to-tag', 'bad')).rejects.toThrow(
      /has no tag bad.*Its tags are good/,
    )
    await expect(run('rollback', SIGNALS, '--to-time', '1999-01-01')).rejects.toThrow(
      /no snapshot of 1999-01-01T00:00:00.000000Z/,
    )
  })

  it('undoes what others committed to a table of the lake, and the loop goes on', async () => {
    const head = await headOf(TRADES)
    await insert(TRADES, "SELECT * REPLACE ('F' || trade_id AS trade_id) FROM t LIMIT 1")
    expect(await headOf(TRADES)).not.toBe(head)
    await run('rollback', TRADES, '--to-snapshot', head)
    expect(await headOf(TRADES)).toBe(head)
    await lake.close()
    lake = await openExistingLake(local.directory)
    await runList(lake, trades, [4])
  })

  it('refuses to set one table of the lake behind its cut, and names what does it', async () => {
    const [first = ''] = await snapshotIds(TRADES)
    const head = await headOf(TRADES)
    await expect(run('rollback', TRADES, '--to-snapshot', first)).rejects.toThrow(
      /`sluice rollback --cut 1`/,
    )
    expect(await headOf(TRADES)).toBe(head)
  })
})

describe('sluice cherry-pick', () => {
  openOnEach()

  it('makes a staged snapshot the head, and adds its files where main has moved on', async () => {
    const staged = await stage(SIGNALS, 'SELECT 40::BIGINT AS id')
    expect(await run('cherry-pick', SIGNALS, staged)).toContain(`${staged} is the head`)
    expect(await signals()).toEqual([1n, 2n, 3n, 40n])
    const later = await stage(SIGNALS, 'SELECT 50::BIGINT AS id')
    await insert(SIGNALS, 'SELECT 6::BIGINT AS id')
    expect(await json('cherry-pick', SIGNALS, later)).toEqual({
      table: SIGNALS,
      kind: 'replay',
      snapshotId: await headOf(SIGNALS),
      pickedId: later,
    })
    expect(await signals()).toEqual([1n, 2n, 3n, 6n, 40n, 50n])
    await expect(run('cherry-pick', SIGNALS, later)).rejects.toThrow(/part of main already/)
  })

  it('refuses snapshots of cuts, whose rows the sources would bring again', async () => {
    const last = await headOf(TRADES)
    await run('rollback', '--cut', '1')
    await expect(run('cherry-pick', TRADES, last)).rejects.toThrow(
      /part of cut 2.*`sluice rollback --cut 2`/,
    )
    const receipts = await headOf('sluice.cuts')
    await expect(run('cherry-pick', 'sluice.cuts', receipts)).rejects.toThrow(/only cuts add/)
  })
})

describe('a call that is not clear', () => {
  it.each([
    [['rollback']],
    [['rollback', SIGNALS]],
    [['rollback', SIGNALS, '--cut', '1']],
    [['rollback', '--cut', '1', '--to-tag', 'good']],
    [['rollback', '--to-tag', 'good']],
    [['rollback', SIGNALS, '--to-tag', 'good', '--to-time', '2026-01-01']],
  ])('asks what goes back for %j', async (args: readonly string[]) => {
    await expect(runCommand('/no/such/lake', ...args)).rejects.toThrow(/Nothing was rolled back/)
  })

  it('of cherry-pick is told what an id is', async () => {
    const call = runCommand('/no/such/lake', 'cherry-pick', SIGNALS, 'main')
    await expect(call).rejects.toThrow(/Give a snapshot id/)
  })
})
