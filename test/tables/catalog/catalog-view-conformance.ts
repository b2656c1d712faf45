import { describe, expect, it } from 'vitest'

import type { Catalog } from '../../../tables/catalog/catalog.ts'
import type { CreateViewRequest, ViewCatalog } from '../../../tables/catalog/view-catalog.ts'
import { currentViewVersion, viewSql } from '../../../tables/spec/view-metadata.ts'
import { sampleSchema } from '../commit/sample-table.ts'
import { quotes, trades } from './open-test-catalog.ts'

const recent = { namespace: ['market'], name: 'recent' }

function request(sql: string): CreateViewRequest {
  return {
    schema: sampleSchema,
    properties: { note: 'a view' },
    version: {
      'version-id': 1,
      'timestamp-ms': 1_700_000_000_000,
      'schema-id': 0,
      summary: { 'engine-name': 'test' },
      'default-namespace': ['market'],
      representations: [
        { type: 'sql', sql, dialect: 'duckdb' },
        { type: 'sql', sql: `${sql} LIMIT 1`, dialect: 'trino' },
      ],
    },
  }
}

/** The part of the catalog's conformance that is about views, for catalogs that have them. */
export function testCatalogViews(catalogOf: () => Catalog): void {
  describe('views', () => {
    const open = async (): Promise<ViewCatalog | undefined> => {
      await catalogOf().createNamespace(['market'])
      return catalogOf().views
    }

    it('are made with a text for each dialect, loaded, listed and dropped', async () => {
      const views = await open()
      if (views === undefined) return
      const made = await views.createView(recent, request('SELECT 1'))
      expect(await views.loadView(recent)).toEqual(made)
      expect(viewSql(made.metadata, 'DuckDB')).toBe('SELECT 1')
      expect(viewSql(made.metadata, 'trino')).toBe('SELECT 1 LIMIT 1')
      expect(made.metadata.properties).toMatchObject({ note: 'a view' })
      expect(await views.listViews(['market'])).toEqual([recent])
      expect(await views.viewExists(recent)).toBe(true)
      expect(await catalogOf().loadTable(recent)).toBeUndefined()
      await views.dropView(recent)
      expect(await views.loadView(recent)).toBeUndefined()
      expect(await views.viewExists(recent)).toBe(false)
      await expect(views.dropView(recent)).rejects.toMatchObject({
        kind: 'invalid-input',
        context: { refusal: 'NoSuchViewException' },
      })
    })

    it('are changed by new versions, and not where they are another one', async () => {
      const views = await open()
      if (views === undefined) return
      const made = await views.createView(recent, request('SELECT 1'))
      const version = { ...request('SELECT 2').version, 'version-id': 2 }
      const changed = await views.commitView({
        identifier: recent,
        requirements: [{ type: 'assert-view-uuid', uuid: made.metadata['view-uuid'] }],
        updates: [
          { action: 'add-view-version', 'view-version': version },
          { action: 'set-current-view-version', 'view-version-id': -1 },
        ],
      })
      expect(viewSql(changed.metadata, 'duckdb')).toBe('SELECT 2')
      expect(currentViewVersion(changed.metadata)?.summary).toMatchObject({ 'engine-name': 'test' })
      const uuid = '00000000-0000-4000-8000-000000000000'
      await expect(
        views.commitView({
          identifier: recent,
          requirements: [{ type: 'assert-view-uuid', uuid }],
          updates: [{ action: 'set-properties', updates: { note: 'lost' } }],
        }),
      ).rejects.toMatchObject({ kind: 'commit-conflict' })
      expect(await views.loadView(recent)).toEqual(changed)
    })

    it('share their names with tables', async () => {
      const views = await open()
      if (views === undefined) return
      const catalog = catalogOf()
      await catalog.createTable(trades, { schema: sampleSchema })
      const taken = { kind: 'commit-conflict', context: { refusal: 'AlreadyExistsException' } }
      await expect(views.createView(trades, request('SELECT 1'))).rejects.toMatchObject(taken)
      await views.createView(recent, request('SELECT 1'))
      await expect(catalog.createTable(recent, { schema: sampleSchema })).rejects.toMatchObject(
        taken,
      )
      await expect(views.renameView(recent, trades)).rejects.toMatchObject(taken)
      await views.renameView(recent, quotes)
      expect(await views.viewExists(recent)).toBe(false)
      expect(viewSql((await views.loadView(quotes))?.metadata ?? fail(), 'duckdb')).toBe('SELECT 1')
      await views.dropView(quotes)
    })

    it('are unknown by every other name, and are listed in no missing namespace', async () => {
      const views = await open()
      if (views === undefined) return
      for (const name of ['missing', '..', '.', '']) {
        expect(await views.loadView({ namespace: ['market'], name })).toBeUndefined()
      }
      await expect(views.listViews(['nowhere'])).rejects.toMatchObject({
        context: { refusal: 'NoSuchNamespaceException' },
      })
    })
  })
}

function fail(): never {
  throw new Error('the view of the test is missing')
}
