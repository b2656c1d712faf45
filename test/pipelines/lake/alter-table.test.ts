import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alterTable, type Alteration } from '../../../pipelines/lake/alter-table.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'
import { generatedInputs, INPUT_START_US, makeMessages } from '../loop/generate-input.ts'

const openLake = () =>
  openMemoryLake({ clock: createTestClock(INPUT_START_US + 2n * 86_400_000_000n) })

const addNote: Alteration = {
  kind: 'schema',
  change: { op: 'add-column', name: 'note', type: 'string' },
}

/** Another partitioning and another order for each table. */
const layouts: Readonly<Record<string, readonly Alteration[]>> = {
  'bronze.trade_messages': [partitionBy('source', 'bucket[4]'), sortBy('event_ts')],
  'bronze.quote_messages': [partitionBy('event_ts', 'hour')],
  'silver.trades': [partitionBy('venue_symbol', 'identity'), sortBy('price')],
  'silver.quotes': [{ kind: 'partition', change: { op: 'remove-field', name: 'event_ts_day' } }],
  'silver.rejected_messages': [partitionBy('source', 'truncate[3]')],
  'gold.bars': [partitionBy('step', 'identity'), sortBy('close')],
  'gold.spreads': [{ kind: 'partition', change: { op: 'remove-field', name: 'open_ts_month' } }],
  'sluice.cuts': [partitionBy('mode', 'identity')],
}

function partitionBy(column: string, transform: 'identity' | 'hour' | `${string}[${number}]`) {
  return {
    kind: 'partition',
    change: { op: 'add-field', column, transform: transform as 'identity' },
  } as const
}

function sortBy(column: string): Alteration {
  return { kind: 'sort', sortBy: [{ column, direction: 'desc' }] }
}

describe('a lake whose tables were altered', () => {
  it('goes on as if nothing had happened, after restarts and rollbacks too', async () => {
    await fc.assert(
      fc.asyncProperty(generatedInputs, fc.integer({ min: 2, max: 9 }), async (input, size) => {
        const messages = makeMessages(input)
        const straight = await openLake()
        await runList(straight, messages, [size])
        const lake = await openLake()
        await runList(lake, messages.slice(0, Math.ceil(messages.length / 3)), [size])
        for (const { name } of allTables) {
          await alterTable(lake, name, addNote)
          for (const alteration of layouts[name] ?? []) await alterTable(lake, name, alteration)
        }
        await runList(lake, messages.slice(0, Math.ceil((2 * messages.length) / 3)), [size])
        await rollBackLake({ lake, cutNumber: 1, writer: 'test' }).catch((error: unknown) => {
          expect(error).toMatchObject({ kind: 'invalid-input' })
        })
        await runList(lake, messages, [size])
        expect(await receiptProblems(lake)).toEqual([])
        expect(await readContentHashes(lake)).toEqual(await readContentHashes(straight))
        await lake.close()
        await straight.close()
      }),
      { numRuns: Number(process.env.SLUICE_ALTER_RUNS ?? '3'), endOnFailure: true },
    )
  }, 600_000)
})

const trade: ListedMessage = {
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: 0n,
  payload: JSON.stringify({
    trade_id: 'T1',
    symbol: 'AAPL',
    price: 100,
    volume: 10,
    timestamp: new Date(Number(INPUT_START_US / 1000n)).toISOString(),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  }),
  receivedUs: INPUT_START_US,
}

async function alter(lake: Lake, ...alterations: readonly Alteration[]) {
  for (const alteration of alterations) await alterTable(lake, 'silver.trades', alteration)
  return headOf(await loadHeads(lake), 'silver.trades').metadata
}

const change = (one: Extract<Alteration, { kind: 'schema' }>['change']): Alteration => ({
  kind: 'schema',
  change: one,
})

describe('alterTable', () => {
  it('adds, renames, promotes and drops columns that are the user’s own', async () => {
    const lake = await openLake()
    await runList(lake, [trade], [1])
    const before = headOf(await loadHeads(lake), 'silver.trades').metadata
    await alter(
      lake,
      change({ op: 'add-column', name: 'size', type: 'int', doc: 'lots' }),
      change({ op: 'widen-column', column: 'size', type: 'long' }),
      change({ op: 'rename-column', column: 'size', name: 'lots' }),
    )
    const [row] = await readRows(lake, 'silver.trades', 'SELECT lots, venue_symbol FROM t')
    expect(row).toEqual({ lots: null, venue_symbol: 'AAPL' })
    const after = await alter(lake, change({ op: 'drop-column', column: 'lots' }))
    expect(after['current-schema-id']).toBe(before['current-schema-id'])
    expect(after['last-column-id']).toBe(before['last-column-id'] + 1)
    await lake.close()
  })

  it.each([
    change({ op: 'drop-column', column: 'price' }),
    change({ op: 'rename-column', column: 'venue_symbol', name: 'symbol' }),
    change({ op: 'widen-column', column: 'price', type: 'decimal(20,8)' }),
  ])('refuses to take a column from the transforms: %j', async (alteration) => {
    const lake = await openLake()
    await expect(alterTable(lake, 'silver.trades', alteration)).rejects.toThrow(
      /needs its column .* the transforms write it/,
    )
    await lake.close()
  })

  it('lets a table that is not the lake’s own be changed in any way', async () => {
    const lake = await openLake()
    await lake.catalog.createNamespace(['mine'])
    await lake.catalog.createTable(tableId('mine.trades'), {
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [
          { id: 1, name: 'price', required: false, type: 'float' },
          { id: 2, name: 'rest', required: false, type: 'string' },
        ],
      },
    })
    const drop = change({ op: 'drop-column', column: 'price' })
    expect(await alterTable(lake, 'mine.trades', drop)).toMatchObject({ isChanged: true })
    await lake.close()
  })

  it('sets and takes away properties, and does nothing where they are so', async () => {
    const lake = await openLake()
    const properties = { 'write.target-file-size-bytes': '1000000', owner: 'me' }
    expect((await alter(lake, { kind: 'set', properties })).properties).toMatchObject(properties)
    const again = await alterTable(lake, 'silver.trades', { kind: 'set', properties })
    expect(again.isChanged).toBe(false)
    const names = ['owner', 'never-set']
    expect((await alter(lake, { kind: 'unset', names })).properties).not.toHaveProperty('owner')
    const gone = await alterTable(lake, 'silver.trades', { kind: 'unset', names })
    expect(gone.isChanged).toBe(false)
    await lake.close()
  })

  it.each([
    ['sluice.positions', '{}'],
    ['format-version', '3'],
    ['write.data.path', 'file:///elsewhere'],
    ['write.format.default', 'orc'],
    ['write.metadata.previous-versions-max', '1'],
  ])('refuses the property %s = %s', async (key, value) => {
    const lake = await openLake()
    const set: Alteration = { kind: 'set', properties: { [key]: value } }
    await expect(alterTable(lake, 'sluice.cuts', set)).rejects.toMatchObject({
      kind: 'invalid-input',
    })
    await lake.close()
  })

  it('refuses a table that is not there, and says where the tables are named', async () => {
    const lake = await openLake()
    await expect(alterTable(lake, 'silver.nothing', addNote)).rejects.toThrow(/no table/)
    await lake.close()
  })
})
