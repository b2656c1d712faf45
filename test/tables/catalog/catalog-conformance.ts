import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { sampleSchema } from '../commit/sample-table.ts'
import { testCatalogCommits } from './catalog-commit-conformance.ts'
import { testCatalogViews } from './catalog-view-conformance.ts'
import { quotes, trades } from './open-test-catalog.ts'

/** A catalog under test, with nothing in it. */
export interface CatalogUnderTest {
  readonly catalog: Catalog
  /** Gives back what the catalog stands on; the catalog itself is closed before. */
  readonly close?: () => Promise<void>
  /** A location that holds no metadata file. */
  readonly emptyLocation: string
  /** False: its web server refuses slashes and percent signs in names, encoded or not. */
  readonly takesAnyName?: boolean
}

/** What every `Catalog` promises. Each test gets a fresh one from `open`. */
export function testCatalog(name: string, open: () => Promise<CatalogUnderTest>): void {
  describe(`${name} as a Catalog`, () => {
    let opened: CatalogUnderTest
    let catalog: Catalog

    beforeEach(async () => {
      opened = await open()
      catalog = opened.catalog
    })
    afterEach(async () => {
      await catalog.close()
      await opened.close?.()
    })

    const market = ['market']
    const missing = { namespace: market, name: 'missing' }
    const create = (table = trades) => catalog.createTable(table, { schema: sampleSchema })
    const refusedAs = (kind: string, refusal?: string) => ({
      kind,
      ...(refusal === undefined ? {} : { context: expect.objectContaining({ refusal }) as object }),
    })
    const sorted = (names: readonly (readonly string[])[]) => names.map((n) => n.join('/')).sort()

    describe('namespaces', () => {
      it('are made, listed with those inside of them, and dropped', async () => {
        expect(await catalog.listNamespaces()).toEqual([])
        for (const levels of [market, ['a'], ['a', 'b'], ['a', 'b', 'c']]) {
          await catalog.createNamespace(levels)
        }
        expect(sorted(await catalog.listNamespaces())).toEqual(['a', 'a/b', 'a/b/c', 'market'])
        await catalog.dropNamespace(['a', 'b', 'c'])
        await catalog.dropNamespace(['a', 'b'])
        expect(sorted(await catalog.listNamespaces())).toEqual(['a', 'market'])
      })

      it('keep their properties, and change them at one instant', async () => {
        await catalog.createNamespace(market, { owner: 'desk', note: 'é "x" %2F' })
        expect(await catalog.loadNamespace(market)).toMatchObject({
          owner: 'desk',
          note: 'é "x" %2F',
        })
        const changes = await catalog.updateNamespaceProperties(market, ['owner', 'none'], {
          note: 'new',
          more: '1',
        })
        expect([...changes.updated].sort()).toEqual(['more', 'note'])
        expect(changes.removed).toEqual(['owner'])
        expect(changes.missing).toEqual(['none'])
        const after = await catalog.loadNamespace(market)
        expect(after).toMatchObject({ note: 'new', more: '1' })
        expect(after).not.toHaveProperty('owner')
      })

      it('are refused where they exist, are missing, or are not empty', async () => {
        await catalog.createNamespace(market)
        await expect(catalog.createNamespace(market)).rejects.toMatchObject(
          refusedAs('commit-conflict', 'AlreadyExistsException'),
        )
        const gone = refusedAs('invalid-input', 'NoSuchNamespaceException')
        await expect(catalog.dropNamespace(['nowhere'])).rejects.toMatchObject(gone)
        await expect(
          catalog.updateNamespaceProperties(['nowhere'], [], { a: '1' }),
        ).rejects.toMatchObject(gone)
        await expect(catalog.listTables(['nowhere'])).rejects.toMatchObject(gone)
        expect(await catalog.loadNamespace(['nowhere'])).toBeUndefined()
        await create()
        await expect(catalog.dropNamespace(market)).rejects.toMatchObject(
          refusedAs('invalid-input', 'NamespaceNotEmptyException'),
        )
        expect(await catalog.loadNamespace(market)).toBeDefined()
      })

      it('have no name that a path or a store would take apart', async () => {
        for (const levels of [[], [''], ['..'], ['a', ''], ['x'.repeat(300)], ['a\u0000b']]) {
          await expect(catalog.createNamespace(levels)).rejects.toMatchObject({
            kind: 'invalid-input',
          })
        }
        expect(await catalog.listNamespaces()).toEqual([])
        for (const levels of [[], ['..'], ['.'], ['']]) {
          expect(await catalog.loadNamespace(levels)).toBeUndefined()
        }
      })
    })

    describe('tables', () => {
      beforeEach(() => catalog.createNamespace(market))

      it('are made, loaded as they were made, and listed', async () => {
        const made = await catalog.createTable(trades, {
          schema: sampleSchema,
          partitionSpec: {
            'spec-id': 0,
            fields: [{ 'source-id': 3, 'field-id': 1000, name: 'day', transform: 'day' }],
          },
          sortOrder: {
            'order-id': 1,
            fields: [
              {
                'source-id': 1,
                transform: 'identity',
                direction: 'asc',
                'null-order': 'nulls-first',
              },
            ],
          },
          properties: { 'write.parquet.compression-codec': 'zstd' },
          formatVersion: 2,
        })
        expect(await catalog.loadTable(trades)).toEqual(made)
        expect(made.identifier).toEqual(trades)
        expect(made.metadata).toMatchObject({
          'format-version': 2,
          'partition-specs': [{ fields: [{ name: 'day', transform: 'day', 'source-id': 3 }] }],
          'sort-orders': [{ fields: [{ 'source-id': 1, direction: 'asc' }] }],
          properties: { 'write.parquet.compression-codec': 'zstd' },
          snapshots: [],
        })
        expect(made.metadata.schemas[0]?.fields).toEqual(sampleSchema.fields)
        expect(made.metadata['current-snapshot-id']).toBeUndefined()
        await create(quotes)
        expect((await catalog.listTables(market)).map((table) => table.name).sort()).toEqual([
          'quotes',
          'trades',
        ])
        expect(await catalog.tableExists(trades)).toBe(true)
      })

      it('are made where the caller says', async () => {
        const location = `${(await create(quotes)).metadata.location}-elsewhere`
        const made = await catalog.createTable(trades, { schema: sampleSchema, location })
        expect(made.metadata.location).toBe(location)
      })

      it('are unknown by every other name', async () => {
        await create()
        const names = [missing, { namespace: ['nowhere'], name: 'trades' }]
        const odd = ['..', '.', ''].map((part) => ({ namespace: market, name: part }))
        for (const table of [...names, ...odd]) {
          expect(await catalog.loadTable(table)).toBeUndefined()
          expect(await catalog.tableExists(table)).toBe(false)
        }
      })

      it('are refused where the name is taken, or there is no namespace', async () => {
        const made = await create()
        await expect(create()).rejects.toMatchObject(
          refusedAs('commit-conflict', 'AlreadyExistsException'),
        )
        const homeless = { namespace: ['nowhere'], name: 'trades' }
        await expect(create(homeless)).rejects.toMatchObject(
          refusedAs('invalid-input', 'NoSuchNamespaceException'),
        )
        expect(await catalog.loadTable(trades)).toEqual(made)
      })

      it('are made by exactly one of many creators', async () => {
        const ends = await Promise.allSettled(Array.from({ length: 6 }, () => create()))
        expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1)
        expect(await catalog.tableExists(trades)).toBe(true)
      })

      it('keep names apart that a URL would mix up', async () => {
        const plain = ['a b', 'a+b', 'é', 'q?x=1', 'h#1', 'a&b', 'x:y']
        const odd = ['a/b', 'a%2Fb', 'a%20b', '100%', 'a\\b', 'a;b']
        const names = opened.takesAnyName === false ? plain : [...plain, ...odd]
        for (const name of names) await create({ namespace: market, name })
        expect((await catalog.listTables(market)).map((table) => table.name).sort()).toEqual(
          [...names].sort(),
        )
        for (const name of names) {
          const table = { namespace: market, name }
          expect((await catalog.loadTable(table))?.identifier).toEqual(table)
          expect(await catalog.tableExists(table)).toBe(true)
          await catalog.dropTable(table)
        }
        expect(await catalog.listTables(market)).toEqual([])
      })

      it('are dropped, and registered again by their metadata file', async () => {
        const made = await create()
        await catalog.dropTable(trades)
        expect(await catalog.loadTable(trades)).toBeUndefined()
        expect(await catalog.tableExists(trades)).toBe(false)
        await expect(catalog.dropTable(trades)).rejects.toMatchObject(
          refusedAs('invalid-input', 'NoSuchTableException'),
        )
        const again = await catalog.registerTable(quotes, made.metadataLocation)
        expect(again.metadata).toEqual(made.metadata)
        expect((await catalog.loadTable(quotes))?.metadata).toEqual(made.metadata)
        await expect(catalog.registerTable(quotes, made.metadataLocation)).rejects.toMatchObject(
          refusedAs('commit-conflict', 'AlreadyExistsException'),
        )
      })

      it('are not registered by a file that is not there', async () => {
        await expect(
          catalog.registerTable(trades, `${opened.emptyLocation}/none.metadata.json`),
        ).rejects.toMatchObject({ kind: 'corrupt-data' })
        expect(await catalog.tableExists(trades)).toBe(false)
      })

      it('are renamed, but not onto another one, nor into no namespace', async () => {
        const made = await create()
        await create(quotes)
        await expect(catalog.renameTable(trades, quotes)).rejects.toMatchObject(
          refusedAs('commit-conflict', 'AlreadyExistsException'),
        )
        await expect(
          catalog.renameTable(trades, { namespace: ['nowhere'], name: 'trades' }),
        ).rejects.toMatchObject(refusedAs('invalid-input', 'NoSuchNamespaceException'))
        const to = { namespace: market, name: 'prints' }
        await expect(catalog.renameTable(missing, to)).rejects.toMatchObject(
          refusedAs('invalid-input', 'NoSuchTableException'),
        )
        await catalog.renameTable(trades, to)
        expect(await catalog.loadTable(trades)).toBeUndefined()
        expect((await catalog.loadTable(to))?.metadata['table-uuid']).toBe(
          made.metadata['table-uuid'],
        )
      })

      it('are purged', async () => {
        await create()
        await catalog.purgeTable(trades)
        expect(await catalog.loadTable(trades)).toBeUndefined()
        await expect(catalog.purgeTable(trades)).rejects.toMatchObject(
          refusedAs('invalid-input', 'NoSuchTableException'),
        )
      })
    })

    testCatalogCommits(() => catalog)
    testCatalogViews(() => catalog)
  })
}
