import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startRestFixture } from '../../stack/iceberg-java.ts'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { openRestCatalog } from '../../tables/catalog/rest-catalog.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { viewSql } from '../../tables/spec/view-metadata.ts'
import type { ViewVersion } from '../../tables/spec/view-metadata.ts'
import { describeWithService } from '../support/service.ts'
import { sampleSchema } from '../tables/commit/sample-table.ts'

const trades = tableId('market.trades')
const symbols = tableId('market.symbols')

const version: ViewVersion = {
  'version-id': 1,
  'timestamp-ms': 1_700_000_000_000,
  'schema-id': 0,
  summary: {},
  'default-namespace': ['market'],
  representations: [
    { type: 'sql', sql: 'SELECT 1', dialect: 'duckdb' },
    { type: 'sql', sql: 'SELECT 2', dialect: 'trino' },
  ],
}

await describeWithService('iceberg-java', "Java's JdbcCatalog over the file of the catalog", () => {
  it('reads, changes and adds tables and views, which the catalog then reads', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-jdbc-'))
    const database = join(folder, 'catalog.db')
    const warehouse = locationOfPath(join(folder, 'warehouse'))
    const ours = openEmbeddedCatalog({
      path: database,
      warehouse,
      fileIO: createLocalFileIO(),
      clock: systemClock,
      ids: randomIds,
      // The name under which the reference server keeps its rows.
      catalogName: 'rest_backend',
    })
    await ours.createNamespace(['market'], { owner: 'desk' })
    await ours.createTable(trades, { schema: sampleSchema })
    await ours.views.createView(symbols, { schema: sampleSchema, version })
    const properties = { uri: `jdbc:sqlite:${database}` }
    const fixture = await startRestFixture({ warehouse, properties })
    try {
      const java = await openRestCatalog({ uri: fixture.uri, clock: systemClock })
      expect(await java.listNamespaces()).toEqual([['market']])
      expect(await java.loadNamespace(['market'])).toMatchObject({ owner: 'desk' })
      expect(await java.listTables(['market'])).toEqual([trades])
      const seen = await fetch(`${fixture.uri}/v1/namespaces/market/views/symbols`)
      const { metadata } = (await seen.json()) as {
        metadata: Parameters<typeof viewSql>[0]
      }
      expect([viewSql(metadata, 'duckdb'), viewSql(metadata, 'trino')]).toEqual([
        'SELECT 1',
        'SELECT 2',
      ])

      const updates = [{ action: 'set-properties', updates: { note: 'of Java' } }] as const
      await java.commitTransaction([{ identifier: trades, requirements: [], updates }])
      const more = tableId('market.more')
      await java.createTable(more, { schema: sampleSchema })
      const changed = await fetch(`${fixture.uri}/v1/namespaces/market/views/symbols`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ requirements: [], updates }),
      })
      expect(changed.status).toBe(200)

      expect((await ours.loadTable(trades))?.metadata.properties).toMatchObject({ note: 'of Java' })
      expect(await ours.listTables(['market'])).toEqual([more, trades])
      const view = await ours.views.loadView(symbols)
      expect(view?.metadata.properties).toMatchObject({ note: 'of Java' })
      expect(view?.metadata['view-uuid']).toBe(metadata['view-uuid'])
    } finally {
      await fixture.stop()
      await ours.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
