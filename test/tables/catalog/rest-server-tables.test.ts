import { describe, expect, it } from 'vitest'

import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { append, sampleSchema } from '../commit/sample-table.ts'
import { openMemoryCatalog, trades } from './open-test-catalog.ts'
import { createTrades, expectError, serveCatalog } from './serve-catalog.ts'

const bigId = 8_333_217_777_777_777_777n

const served = serveCatalog()
const { call, makeTrades } = served

describe('the REST catalog and namespaces', () => {
  it('creates, shows, lists and drops them, under a prefix too', async () => {
    const made = await call('POST', '/namespaces', {
      namespace: ['market'],
      properties: { owner: 'desk' },
    })
    const shown = {
      namespace: ['market'],
      properties: { location: 'memory://lake/market', owner: 'desk' },
    }
    expect(made).toMatchObject({ status: 200, body: shown })
    expect(await call('GET', '/namespaces/market')).toMatchObject({ status: 200, body: shown })
    expect(await call('GET', '/any/namespaces/market')).toMatchObject({ status: 200, body: shown })
    expect(await call('HEAD', '/namespaces/market')).toMatchObject({ status: 204, text: '' })
    expect((await call('GET', '/namespaces?pageToken=')).body).toEqual({
      namespaces: [['market']],
    })
    expect(await call('DELETE', '/namespaces/market')).toMatchObject({ status: 204, text: '' })
    expect(await call('HEAD', '/namespaces/market')).toMatchObject({ status: 404, text: '' })
    expectError(await call('DELETE', '/namespaces/market'), 404, 'NoSuchNamespaceException')
  })

  it('reads nested ones by both separators, and lists them level by level', async () => {
    await call('POST', '/namespaces', { namespace: ['a', 'b', 'c'] })
    await call('POST', '/namespaces', { namespace: ['a', 'd'] })
    for (const path of ['/namespaces/a%1Fb%1Fc', '/namespaces/a.b.c', '/namespaces/a%2Eb%2Ec']) {
      expect((await call('GET', path)).body).toMatchObject({ namespace: ['a', 'b', 'c'] })
    }
    expect((await call('GET', '/namespaces')).body).toEqual({ namespaces: [['a']] })
    expect((await call('GET', '/namespaces?parent=a')).body).toEqual({
      namespaces: [
        ['a', 'b'],
        ['a', 'd'],
      ],
    })
    expect((await call('GET', '/namespaces?parent=a%1Fb')).body).toEqual({
      namespaces: [['a', 'b', 'c']],
    })
    expectError(await call('GET', '/namespaces?parent=x'), 404, 'NoSuchNamespaceException')
  })

  it('refuses one that exists, one that is not empty, and a wrong body', async () => {
    await makeTrades()
    expectError(
      await call('POST', '/namespaces', { namespace: ['market'] }),
      409,
      'AlreadyExistsException',
      /Namespace already exists/,
    )
    expectError(
      await call('DELETE', '/namespaces/market'),
      409,
      'NamespaceNotEmptyException',
      /is not empty/,
    )
    expectError(await call('POST', '/namespaces', {}), 400, 'BadRequestException', /namespace/)
    expectError(await call('POST', '/namespaces', '{"a"'), 400, 'BadRequestException', /not JSON/)
  })

  it('updates properties and says what it did', async () => {
    await call('POST', '/namespaces', { namespace: ['market'], properties: { a: '1' } })
    const path = '/namespaces/market/properties'
    expect(await call('POST', path, { removals: ['a', 'x'], updates: { b: '2' } })).toMatchObject({
      status: 200,
      body: { updated: ['b'], removed: ['a'], missing: ['x'] },
    })
    expectError(
      await call('POST', path, { removals: ['b'], updates: { b: '3' } }),
      422,
      'UnprocessableEntityException',
    )
    expectError(
      await call('POST', '/namespaces/none/properties', { updates: { a: 'b' } }),
      404,
      'NoSuchNamespaceException',
    )
  })
})

describe('the REST catalog and tables', () => {
  it('creates, loads, lists, renames and drops them', async () => {
    await makeTrades()
    const loaded = await call('GET', '/namespaces/market/tables/trades?snapshots=all')
    expect(loaded).toMatchObject({
      status: 200,
      body: {
        'metadata-location': (await served.catalog().loadTable(trades))?.metadataLocation,
        metadata: { location: 'memory://lake/market/trades', 'format-version': 2 },
        config: {},
      },
    })
    expect((await call('GET', '/x/namespaces/market/tables')).body).toEqual({
      identifiers: [{ namespace: ['market'], name: 'trades' }],
    })
    expect(await call('HEAD', '/namespaces/market/tables/trades')).toMatchObject({ status: 204 })
    const rename = {
      source: { namespace: ['market'], name: 'trades' },
      destination: { namespace: ['market'], name: 'a/b c' },
    }
    expect(await call('POST', '/tables/rename', rename)).toMatchObject({ status: 204, text: '' })
    expect(await call('HEAD', '/namespaces/market/tables/a%2Fb%20c')).toMatchObject({ status: 204 })
    expect(
      await call('DELETE', '/namespaces/market/tables/a%2Fb%20c?purgeRequested=False'),
    ).toMatchObject({ status: 204, text: '' })
    expect((await call('GET', '/namespaces/market/tables')).body).toEqual({ identifiers: [] })
  })

  it('says which table or namespace is missing, or is there already', async () => {
    await makeTrades()
    const none = '/namespaces/market/tables/none'
    expectError(await call('GET', none), 404, 'NoSuchTableException', /exist: market.none/)
    expect(await call('HEAD', none)).toMatchObject({ status: 404, text: '' })
    expectError(await call('DELETE', none), 404, 'NoSuchTableException')
    expectError(await call('POST', none, {}), 404, 'NoSuchTableException')
    expectError(await call('GET', '/namespaces/x/tables'), 404, 'NoSuchNamespaceException')
    expectError(
      await call('POST', '/namespaces/x/tables', createTrades),
      404,
      'NoSuchNamespaceException',
    )
    expectError(
      await call('POST', '/namespaces/market/tables', createTrades),
      409,
      'AlreadyExistsException',
      /Table already exists: market.trades/,
    )
  })

  it('deletes the files of a purged table', async () => {
    const { catalog: kept, fileIO } = openMemoryCatalog()
    const other = await startRestServer({ catalog: kept, port: 0 })
    try {
      await kept.createNamespace(['market'])
      const table = await kept.createTable(trades, { schema: sampleSchema })
      const url = `${other.url}/v1/namespaces/market/tables/trades?purgeRequested=true`
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
      expect(await fileIO.stat(table.metadataLocation)).toBeUndefined()
    } finally {
      await other.close()
    }
  })

  it('stages a create that a commit then makes, with the ids of the stage', async () => {
    await call('POST', '/namespaces', { namespace: ['market'] })
    const staged = await call('POST', '/namespaces/market/tables', {
      ...createTrades,
      'stage-create': true,
      'partition-spec': null,
      'write-order': null,
      location: null,
      properties: { 'format-version': '2', note: 'x' },
    })
    expect(staged.status).toBe(200)
    expect(staged.body).not.toHaveProperty('metadata-location')
    const { metadata } = staged.body as { metadata: Record<string, unknown> }
    expect(metadata['properties']).toEqual({ note: 'x' })
    expect(await call('HEAD', '/namespaces/market/tables/trades')).toMatchObject({ status: 404 })

    const commit = {
      requirements: [{ type: 'assert-create' }],
      updates: [
        { action: 'assign-uuid', uuid: metadata['table-uuid'] },
        { action: 'upgrade-format-version', 'format-version': 2 },
        { action: 'add-schema', schema: sampleSchema, 'last-column-id': 3 },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: { 'spec-id': 0, fields: [] } },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': { 'order-id': 0, fields: [] } },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
        { action: 'set-location', location: metadata['location'] },
        ...append(bigId, { sequenceNumber: 1 }),
      ],
    }
    const made = await call('POST', '/namespaces/market/tables/trades', commit)
    expect(made).toMatchObject({
      status: 200,
      body: {
        metadata: { 'table-uuid': metadata['table-uuid'], 'current-snapshot-id': bigId },
      },
    })
    expect((await call('POST', '/namespaces/market/tables/trades', commit)).status).toBe(200)
  })

  it('refuses format versions and types that it cannot make', async () => {
    await call('POST', '/namespaces', { namespace: ['market'] })
    expectError(
      await call('POST', '/namespaces/market/tables', {
        ...createTrades,
        properties: { 'format-version': '4' },
      }),
      406,
      'UnsupportedOperationException',
    )
    expectError(
      await call('POST', '/namespaces/market/tables', {
        name: 'trades',
        schema: {
          type: 'struct',
          fields: [{ id: 1, name: 'a', required: true, type: 'variant' }],
        },
      }),
      400,
      'IllegalArgumentException',
      /variant/,
    )
  })

  it('registers a metadata file, and says where one is missing', async () => {
    await makeTrades()
    const location = (await served.catalog().loadTable(trades))?.metadataLocation
    await call('DELETE', '/namespaces/market/tables/trades')
    const path = '/namespaces/market/register'
    expectError(
      await call('POST', path, { name: 'trades', 'metadata-location': `${location}x` }),
      404,
      'NotFoundException',
    )
    expect(
      await call('POST', path, { name: 'trades', 'metadata-location': location }),
    ).toMatchObject({ status: 200, body: { 'metadata-location': location } })
  })

  it('takes the reports of engines', async () => {
    await makeTrades()
    expect(
      await call('POST', '/namespaces/market/tables/trades/metrics', { 'report-type': 'scan' }),
    ).toMatchObject({ status: 204, text: '' })
  })
})
