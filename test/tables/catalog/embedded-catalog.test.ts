import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { describe, expect, it } from 'vitest'

import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { sampleSchema } from '../commit/sample-table.ts'
import { appendCommit } from './append-one.ts'
import {
  createSampleTables,
  filesBelow,
  inFolder,
  openDiskCatalog,
  openMemoryCatalog,
  trades,
} from './open-test-catalog.ts'

describe('the embedded catalog and namespaces', () => {
  it('gives every namespace a location, so that every engine can place a table', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    await catalog.createNamespace(['a', 'b'])
    await catalog.createNamespace(['own'], { location: 'memory://other/place/', owner: 'desk' })
    expect(await catalog.loadNamespace(['market'])).toEqual({ location: 'memory://lake/market' })
    expect(await catalog.loadNamespace(['a', 'b'])).toEqual({ location: 'memory://lake/a/b' })
    expect(await catalog.loadNamespace(['own'])).toEqual({
      location: 'memory://other/place',
      owner: 'desk',
    })
    expect(await catalog.loadNamespace(['nothing'])).toBeUndefined()
    expect(await catalog.listNamespaces()).toEqual([['a', 'b'], ['market'], ['own']])
  })

  it('refuses a namespace that exists, and names that cannot be kept', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    await expect(catalog.createNamespace(['market'])).rejects.toThrow(/Namespace already exists/)
    for (const name of [[], [''], ['a.b'], ['..'], ['a', ''], ['x'.repeat(256)], ['a\u0000b']]) {
      await expect(catalog.createNamespace(name)).rejects.toMatchObject({ kind: 'invalid-input' })
    }
  })

  it('sets and removes properties, saying which were not there', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'], { a: '1', b: '2' })
    expect(
      await catalog.updateNamespaceProperties(['market'], ['a', 'x'], { b: '3', c: '4' }),
    ).toEqual({ updated: ['b', 'c'], removed: ['a'], missing: ['x'] })
    expect(await catalog.loadNamespace(['market'])).toEqual({
      location: 'memory://lake/market',
      b: '3',
      c: '4',
    })
    await catalog.updateNamespaceProperties(['market'], ['b', 'c', 'location'], {})
    expect(await catalog.loadNamespace(['market'])).toEqual({ location: 'memory://lake/market' })
  })

  it('drops only a namespace that is empty', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    await catalog.createNamespace(['market', 'eu'])
    await expect(catalog.dropNamespace(['market'])).rejects.toThrow(/is not empty/)
    await catalog.dropNamespace(['market', 'eu'])
    await catalog.createTable(trades, { schema: sampleSchema })
    await expect(catalog.dropNamespace(['market'])).rejects.toThrow(/is not empty/)
    await catalog.dropTable(trades)
    await catalog.dropNamespace(['market'])
    await expect(catalog.dropNamespace(['market'])).rejects.toThrow(/Namespace does not exist/)
  })
})

describe('the embedded catalog and tables', () => {
  it('creates a table below its namespace, with a first metadata file of its own name', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    const table = await catalog.loadTable(trades)
    expect(table?.metadata.location).toBe('memory://lake/market/trades')
    expect(table?.metadataLocation).toMatch(
      /^memory:\/\/lake\/market\/trades\/metadata\/00000-[0-9a-f-]{36}\.metadata\.json$/,
    )
    expect(await filesBelow(fileIO, 'memory://lake/market/trades')).toEqual([
      table?.metadataLocation,
    ])
    expect(await catalog.listTables(['market'])).toEqual([tableId('market.quotes'), trades])
  })

  it('refuses a table that exists or has no namespace, and leaves no file behind', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    const before = await filesBelow(fileIO, 'memory://lake')
    await expect(catalog.createTable(trades, { schema: sampleSchema })).rejects.toThrow(
      /Table already exists: market.trades/,
    )
    await expect(
      catalog.createTable(tableId('none.trades'), { schema: sampleSchema }),
    ).rejects.toThrow(/Namespace does not exist: none/)
    expect(await filesBelow(fileIO, 'memory://lake')).toEqual(before)
  })

  it('lets exactly one of two creators win', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    const results = await Promise.allSettled(
      [1, 2].map(() => catalog.createTable(trades, { schema: sampleSchema })),
    )
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await filesBelow(fileIO, 'memory://lake')).toEqual([
      (await catalog.loadTable(trades))?.metadataLocation,
    ])
  })

  it('keeps a table with an awkward name in a folder of its own', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    const odd = { namespace: ['market'], name: '../a b/%2F?#' }
    const table = await catalog.createTable(odd, { schema: sampleSchema })
    expect(table.metadata.location).toBe('memory://lake/market/..%2Fa%20b%2F%252F%3F%23')
    expect((await catalog.loadTable(odd))?.metadata).toEqual(table.metadata)
  })

  it('refuses a location in a store that it does not have', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    await expect(
      catalog.createTable(trades, { schema: sampleSchema, location: 's3://bucket/t' }),
    ).rejects.toMatchObject({ kind: 'unsupported' })
  })

  it('renames a table, but not onto another one or into no namespace', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const to = tableId('market.prints')
    await expect(catalog.renameTable(trades, tableId('market.quotes'))).rejects.toThrow(
      /Table already exists: market.quotes/,
    )
    await expect(catalog.renameTable(trades, tableId('none.t'))).rejects.toThrow(
      /Namespace does not exist: none/,
    )
    await expect(catalog.renameTable(to, trades)).rejects.toThrow(/Table does not exist/)
    await catalog.renameTable(trades, to)
    expect(await catalog.tableExists(trades)).toBe(false)
    expect(await catalog.tableExists(to)).toBe(true)
  })

  it('drops a table and leaves its files; registers it again by its metadata file', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    const table = await catalog.loadTable(trades)
    const location = table?.metadataLocation ?? ''
    await catalog.dropTable(trades)
    expect(await catalog.loadTable(trades)).toBeUndefined()
    await expect(catalog.dropTable(trades)).rejects.toThrow(/Table does not exist/)
    expect(await fileIO.stat(location)).toBeDefined()

    await expect(catalog.registerTable(trades, `${location}x`)).rejects.toMatchObject({
      kind: 'corrupt-data',
    })
    expect(await catalog.registerTable(trades, location)).toEqual(table)
    await expect(catalog.registerTable(trades, location)).rejects.toThrow(/already exists/)
  })

  it('purges the files of a table, and of no other', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    await fileIO.write('memory://lake/market/trades/data/x.parquet', new Uint8Array(1))
    await fileIO.write('memory://lake/market/trades2/x', new Uint8Array(1))
    await catalog.purgeTable(trades)
    expect(await filesBelow(fileIO, 'memory://lake/market/trades')).toEqual([])
    expect(await fileIO.stat('memory://lake/market/trades2/x')).toBeDefined()
    expect(await catalog.loadTable(tableId('market.quotes'))).toBeDefined()
  })

  it('purges files below a warehouse that a namespace has for itself', async () => {
    const memory = createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused') })
    const catalog = openEmbeddedCatalog({
      path: ':memory:',
      warehouse: 'memory://lake',
      otherWarehouses: ['memory://gold/'],
      fileIO: memory,
      clock: systemClock,
      ids: randomIds,
    })
    await catalog.createNamespace(['market'], { location: 'memory://gold/market' })
    await catalog.createTable(trades, { schema: sampleSchema })
    expect(await filesBelow(memory, 'memory://gold/market/trades')).toHaveLength(1)
    await catalog.purgeTable(trades)
    expect(await filesBelow(memory, 'memory://gold/market/trades')).toEqual([])
    await catalog.close()
  })

  it.each([
    ['its files are kept by a property', 'memory://lake/market/kept', { 'gc.enabled': 'false' }],
    ['it lies outside the warehouse', 'memory://elsewhere/t', {}],
    ['another table lies inside it', 'memory://lake/market', {}],
  ])('purges no file where %s', async (_, location, properties) => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    const kept = tableId('market.kept')
    await catalog.createTable(kept, { schema: sampleSchema, location, properties })
    await catalog.purgeTable(kept)
    expect(await catalog.tableExists(kept)).toBe(false)
    expect(await filesBelow(fileIO, `${location}/metadata`)).toHaveLength(1)
  })

  it('shows the metadata folder of a staged table, and no table before it is committed', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await catalog.createNamespace(['market'])
      const metadata = await catalog.stageTable(trades, { schema: sampleSchema })
      expect(await readdir(join(folder, 'warehouse/market/trades'))).toEqual(['metadata'])
      expect(await catalog.tableExists(trades)).toBe(false)
      await catalog.commitTransaction([
        {
          identifier: trades,
          requirements: [{ type: 'assert-create' }],
          updates: [
            { action: 'assign-uuid', uuid: metadata['table-uuid'] },
            { action: 'add-schema', schema: sampleSchema },
            { action: 'set-current-schema', 'schema-id': -1 },
            { action: 'set-location', location: metadata.location },
          ],
        },
      ])
      expect((await catalog.loadTable(trades))?.metadata['table-uuid']).toBe(metadata['table-uuid'])
      await catalog.close()
    })
  })
})

describe('the file of the embedded catalog', () => {
  it('has the rows that JdbcCatalog V1 and SqlCatalog read', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const first = (await catalog.loadTable(trades))?.metadataLocation
      const [second] = await catalog.commitTransaction([await appendCommit(catalog, trades)])
      await catalog.close()

      const database = new Database(join(folder, 'catalog.db'))
      expect(
        database.prepare('SELECT * FROM iceberg_tables WHERE table_name = ?').all('trades'),
      ).toEqual([
        {
          catalog_name: 'sluice',
          table_namespace: 'market',
          table_name: 'trades',
          metadata_location: second?.metadataLocation,
          previous_metadata_location: first,
          iceberg_type: 'TABLE',
        },
      ])
      expect(database.prepare('SELECT * FROM iceberg_namespace_properties').all()).toEqual(
        [
          ['location', `file://${folder}/warehouse/market`],
          ['exists', 'true'],
        ].map(([key, value]) => ({
          catalog_name: 'sluice',
          namespace: 'market',
          property_key: key,
          property_value: value,
        })),
      )
      expect(database.pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }])
      database.close()
    })
  })

  it('is read where an older catalog made it: rows without a type are tables, views are not', async () => {
    await inFolder(async (folder) => {
      const made = openDiskCatalog(folder)
      await createSampleTables(made)
      await made.close()
      const database = new Database(join(folder, 'catalog.db'))
      database.exec('ALTER TABLE iceberg_tables DROP COLUMN iceberg_type')
      database.close()

      const catalog = openDiskCatalog(folder)
      expect(await catalog.loadTable(trades)).toBeDefined()
      await catalog.close()
      const again = new Database(join(folder, 'catalog.db'))
      again.exec("UPDATE iceberg_tables SET iceberg_type = 'VIEW' WHERE table_name = 'trades'")
      again.close()

      const reopened = openDiskCatalog(folder)
      expect(await reopened.loadTable(trades)).toBeUndefined()
      expect(await reopened.listTables(['market'])).toEqual([tableId('market.quotes')])
      await expect(reopened.createTable(trades, { schema: sampleSchema })).rejects.toThrow(
        /View with same name already exists: market.trades/,
      )
      await reopened.close()
    })
  })

  it('says what cannot be opened', () => {
    expect(() =>
      openEmbeddedCatalog({
        path: join(import.meta.filename, 'catalog.db'),
        warehouse: 'memory://lake',
        fileIO: openMemoryCatalog().fileIO,
        clock: systemClock,
        ids: randomIds,
      }),
    ).toThrow(expect.objectContaining({ kind: 'storage-unavailable' }))
  })
})
