import { beforeEach, describe, expect, it } from 'vitest'

import type { Catalog, TableCommit } from '../../../tables/catalog/catalog.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableRequirement, TableUpdate } from '../../../tables/spec/table-update.ts'
import { append, sampleSchema } from '../commit/sample-table.ts'
import { appendCommit, appendUntilDone } from './append-one.ts'
import { quotes, trades } from './open-test-catalog.ts'

/** The largest id there is, and the first that a double cannot hold. */
const LARGEST = 9_223_372_036_854_775_807n
const FIRST_INEXACT = 9_007_199_254_740_993n

const unmet: readonly TableRequirement[] = [
  { type: 'assert-table-uuid', uuid: '00000000-0000-4000-8000-000000000000' },
  { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': FIRST_INEXACT },
  { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 77 },
  { type: 'assert-current-schema-id', 'current-schema-id': 77 },
  { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1077 },
  { type: 'assert-default-spec-id', 'default-spec-id': 77 },
  { type: 'assert-default-sort-order-id', 'default-sort-order-id': 77 },
]

/** The part of the catalog's conformance that is about commits. */
export function testCatalogCommits(catalogOf: () => Catalog): void {
  describe('commits', () => {
    let catalog: Catalog

    beforeEach(async () => {
      catalog = catalogOf()
      await catalog.createNamespace(['market'])
      await catalog.createTable(trades, { schema: sampleSchema })
      await catalog.createTable(quotes, { schema: sampleSchema })
    })

    const metadataOf = async (table = trades): Promise<TableMetadata> => {
      const loaded = await catalog.loadTable(table)
      if (loaded === undefined) throw new Error('the table of the test is missing')
      return loaded.metadata
    }
    const headOf = async (table = trades) => (await metadataOf(table))['current-snapshot-id']
    const setNote = (note: string): TableUpdate => {
      return { action: 'set-properties', updates: { note } }
    }
    const commit = (updates: readonly TableUpdate[], requirements: TableCommit['requirements']) =>
      catalog.commitTransaction([{ identifier: trades, requirements, updates }])

    it('are visible where they return, and are answered with the table', async () => {
      const [committed] = await catalog.commitTransaction([await appendCommit(catalog, trades, 7n)])
      expect(committed).toEqual(await catalog.loadTable(trades))
      expect(committed?.metadata['current-snapshot-id']).toBe(7n)
      expect(await headOf(quotes)).toBeUndefined()
    })

    it('keep 64-bit ids to the last digit', async () => {
      await catalog.commitTransaction([await appendCommit(catalog, trades, FIRST_INEXACT)])
      await catalog.commitTransaction([await appendCommit(catalog, trades, LARGEST)])
      const metadata = await metadataOf()
      expect(metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([
        FIRST_INEXACT,
        LARGEST,
      ])
      expect(metadata.snapshots[1]?.['parent-snapshot-id']).toBe(FIRST_INEXACT)
      expect(metadata.refs['main']?.['snapshot-id']).toBe(LARGEST)
      expect(metadata['snapshot-log'].at(-1)?.['snapshot-id']).toBe(LARGEST)
    })

    it('set and remove properties', async () => {
      await commit([{ action: 'set-properties', updates: { a: '1', b: 'é"' } }], [])
      await commit([{ action: 'remove-properties', removals: ['a', 'none'] }], [])
      const { properties } = await metadataOf()
      expect(properties).toMatchObject({ b: 'é"' })
      expect(properties).not.toHaveProperty('a')
    })

    it('tag snapshots, move branches and expire', async () => {
      for (const id of [1n, 2n]) {
        await catalog.commitTransaction([await appendCommit(catalog, trades, id)])
      }
      await commit(
        [{ action: 'set-snapshot-ref', 'ref-name': 'first', type: 'tag', 'snapshot-id': 1n }],
        [],
      )
      expect((await metadataOf()).refs['first']).toMatchObject({ type: 'tag', 'snapshot-id': 1n })
      await commit(
        [
          { action: 'remove-snapshot-ref', 'ref-name': 'first' },
          { action: 'remove-snapshots', 'snapshot-ids': [1n] },
        ],
        [],
      )
      const metadata = await metadataOf()
      expect(metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([2n])
      expect(Object.keys(metadata.refs)).toEqual(['main'])
    })

    it.each(unmet)('are refused where $type is not met, and change nothing', async (wanted) => {
      const before = await catalog.loadTable(trades)
      await expect(commit([setNote('lost')], [wanted])).rejects.toMatchObject({
        kind: 'commit-conflict',
      })
      expect(await catalog.loadTable(trades)).toEqual(before)
    })

    it('are refused where a branch was made meanwhile, and change nothing', async () => {
      const late = await appendCommit(catalog, trades, 9n)
      await catalog.commitTransaction([await appendCommit(catalog, trades, 7n)])
      await expect(catalog.commitTransaction([late])).rejects.toMatchObject({
        kind: 'commit-conflict',
      })
      expect(await headOf()).toBe(7n)
    })

    it('are refused as wrong where an update does not fit the table', async () => {
      const tag = {
        action: 'set-snapshot-ref',
        'ref-name': 'x',
        type: 'tag',
        'snapshot-id': 5n,
      } as const
      await expect(commit([tag], [])).rejects.toMatchObject({ kind: 'invalid-input' })
      expect((await metadataOf()).refs).toEqual({})
    })

    it('are refused for a table that is missing', async () => {
      const identifier = { namespace: ['market'], name: 'missing' }
      await expect(
        catalog.commitTransaction([{ identifier, requirements: [], updates: [setNote('x')] }]),
      ).rejects.toMatchObject({
        kind: 'invalid-input',
        context: { refusal: 'NoSuchTableException' },
      })
    })

    it('all land in one line where many writers append at once', async () => {
      await Promise.all(Array.from({ length: 6 }, () => appendUntilDone(catalog, trades)))
      const { snapshots } = await metadataOf()
      expect(snapshots).toHaveLength(6)
      snapshots.forEach((snapshot, index) => {
        expect(snapshot['parent-snapshot-id']).toBe(snapshots[index - 1]?.['snapshot-id'])
        expect(snapshot['sequence-number']).toBe(index + 1)
      })
    })

    it('are a success where they had landed already, and land once', async () => {
      const first = [await appendCommit(catalog, trades, 7n)]
      await catalog.commitTransaction(first)
      await catalog.commitTransaction([await appendCommit(catalog, trades, 8n)])
      await expect(catalog.commitTransaction(first)).resolves.toHaveLength(1)
      expect(await headOf()).toBe(8n)
      expect((await metadataOf()).snapshots).toHaveLength(2)
    })

    testStagedCreate(() => catalog)

    it('of several tables are all or nothing, or are not offered', async () => {
      const both = [
        await appendCommit(catalog, trades, 7n),
        await appendCommit(catalog, quotes, 8n),
      ]
      const stale = [both[0], { ...both[1], requirements: unmet.slice(0, 1) }] as TableCommit[]
      if (!catalog.capabilities.atomicMultiTable) {
        await expect(catalog.commitTransaction(both)).rejects.toMatchObject({ kind: 'unsupported' })
        expect([await headOf(trades), await headOf(quotes)]).toEqual([undefined, undefined])
        return
      }
      await expect(catalog.commitTransaction(stale)).rejects.toMatchObject({
        kind: 'commit-conflict',
      })
      expect([await headOf(trades), await headOf(quotes)]).toEqual([undefined, undefined])
      const committed = await catalog.commitTransaction(both)
      expect(committed.map((table) => table.metadata['current-snapshot-id'])).toEqual([7n, 8n])
      expect(committed).toEqual([await catalog.loadTable(trades), await catalog.loadTable(quotes)])
    })

    it('of no table do nothing', async () => {
      expect(await catalog.commitTransaction([])).toEqual([])
    })
  })
}

function testStagedCreate(catalogOf: () => Catalog): void {
  it('make a table that was staged, once, with its first rows', async () => {
    const catalog = catalogOf()
    const prints = { namespace: ['market'], name: 'prints' }
    const request = { schema: sampleSchema, properties: { note: 'staged' } }
    const staged = await catalog.stageTable(prints, request)
    expect(await catalog.loadTable(prints)).toBeUndefined()
    const make: TableCommit = {
      identifier: prints,
      requirements: [{ type: 'assert-create' }],
      updates: [...creation(staged), ...append(5n, { sequenceNumber: 1, timestampMs: 2_000 })],
    }
    const [made] = await catalog.commitTransaction([make])
    expect(await catalog.loadTable(prints)).toEqual(made)
    expect(made?.metadata).toMatchObject({
      'table-uuid': staged['table-uuid'],
      location: staged.location,
      properties: { note: 'staged' },
      'current-snapshot-id': 5n,
    })
    const other = { ...make, updates: creation({ ...staged, 'table-uuid': OTHER_UUID }) }
    await expect(catalog.commitTransaction([other])).rejects.toMatchObject({
      kind: 'commit-conflict',
    })
    expect((await catalog.loadTable(prints))?.metadata['table-uuid']).toBe(staged['table-uuid'])
  })
}

const OTHER_UUID = '11111111-1111-4111-8111-111111111111'

/** The updates by which a client makes what it staged. */
function creation(staged: TableMetadata): TableUpdate[] {
  const [schema] = staged.schemas
  const [spec] = staged['partition-specs']
  const [order] = staged['sort-orders']
  if (schema === undefined || spec === undefined || order === undefined) throw new Error('no parts')
  return [
    { action: 'assign-uuid', uuid: staged['table-uuid'] },
    { action: 'upgrade-format-version', 'format-version': staged['format-version'] },
    { action: 'add-schema', schema },
    { action: 'set-current-schema', 'schema-id': -1 },
    { action: 'add-spec', spec },
    { action: 'set-default-spec', 'spec-id': -1 },
    { action: 'add-sort-order', 'sort-order': order },
    { action: 'set-default-sort-order', 'sort-order-id': -1 },
    { action: 'set-location', location: staged.location },
    { action: 'set-properties', updates: staged.properties },
  ]
}
