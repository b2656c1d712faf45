import { describe, expect, it } from 'vitest'

import { type Answer, expectError, serveCatalog } from './serve-catalog.ts'

const { call, makeTrades } = serveCatalog()

const schema = {
  type: 'struct',
  fields: [{ id: 1, name: 'symbol', required: false, type: 'string' }],
}

function version(...texts: readonly (readonly [dialect: string, sql: string])[]): object {
  return {
    'version-id': 1,
    'timestamp-ms': 1_700_000_000_000,
    'schema-id': 0,
    summary: { 'engine-name': 'test' },
    'default-namespace': ['market'],
    representations: texts.map(([dialect, sql]) => ({ type: 'sql', sql, dialect })),
  }
}

const views = '/namespaces/market/views'
const duckdb = ['duckdb', 'SELECT symbol FROM market.trades'] as const
const trino = ['trino', 'SELECT "symbol" FROM market.trades'] as const

async function makeView(name = 'symbols'): Promise<Answer> {
  return call('POST', views, { name, schema, 'view-version': version(duckdb, trino) })
}

interface ShownView {
  readonly 'metadata-location': string
  readonly metadata: {
    readonly 'view-uuid': string
    readonly 'current-version-id': number
    readonly versions: readonly {
      readonly representations: readonly { readonly dialect: string; readonly sql: string }[]
    }[]
  }
}

describe('the REST catalog and views', () => {
  it('creates, lists, loads and drops them, with one text for each dialect', async () => {
    await makeTrades()
    const made = await makeView()
    expect(made).toMatchObject({
      status: 200,
      body: {
        'metadata-location': expect.stringMatching(
          /^memory:\/\/lake\/market\/symbols\/metadata\/00000-.*\.metadata\.json$/,
        ),
        metadata: {
          'format-version': 1,
          location: 'memory://lake/market/symbols',
          'current-version-id': 1,
        },
        config: {},
      },
    })
    const shown = (made.body as ShownView).metadata.versions[0]?.representations
    expect(shown?.map(({ dialect, sql }) => [dialect, sql])).toEqual([duckdb, trino])
    expect((await call('GET', views)).body).toEqual({
      identifiers: [{ namespace: ['market'], name: 'symbols' }],
    })
    expect((await call('GET', `${views}/symbols`)).body).toEqual(made.body)
    expect((await call('HEAD', `${views}/symbols`)).status).toBe(204)
    expect((await call('DELETE', `${views}/symbols`)).status).toBe(204)
    expect((await call('HEAD', `${views}/symbols`)).status).toBe(404)
    expectError(
      await call('GET', `${views}/symbols`),
      404,
      'NoSuchViewException',
      /View does not exist: market.symbols/,
    )
    expectError(await call('DELETE', `${views}/symbols`), 404, 'NoSuchViewException')
    expectError(await call('GET', '/namespaces/none/views'), 404, 'NoSuchNamespaceException')
  })

  it('are no tables, and tables are no views', async () => {
    await makeTrades()
    await makeView()
    expect((await call('GET', '/namespaces/market/tables')).body).toEqual({
      identifiers: [{ namespace: ['market'], name: 'trades' }],
    })
    expectError(await call('GET', '/namespaces/market/tables/symbols'), 404, 'NoSuchTableException')
    expectError(
      await call('DELETE', '/namespaces/market/tables/symbols'),
      404,
      'NoSuchTableException',
    )
    expectError(await call('GET', `${views}/trades`), 404, 'NoSuchViewException')
    expectError(await call('DELETE', `${views}/trades`), 404, 'NoSuchViewException')
  })

  it('share their names with tables', async () => {
    await makeTrades()
    await makeView()
    const taken = [409, 'AlreadyExistsException'] as const
    expectError(await makeView(), ...taken, /View already exists: market.symbols/)
    expectError(
      await makeView('trades'),
      ...taken,
      /Table with same name already exists: market.trades/,
    )
    expectError(
      await call('POST', '/namespaces/market/tables', { name: 'symbols', schema }),
      ...taken,
      /View with same name already exists: market.symbols/,
    )
    const create = {
      requirements: [{ type: 'assert-create' }],
      updates: [
        { action: 'assign-uuid', uuid: 'a' },
        { action: 'add-schema', schema },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'set-location', location: 'memory://lake/market/x' },
      ],
    }
    expectError(
      await call('POST', '/namespaces/market/tables/symbols', create),
      ...taken,
      /View with same name already exists: market.symbols/,
    )
    expectError(
      await call('DELETE', '/namespaces/market'),
      409,
      'NamespaceNotEmptyException',
      /is not empty/,
    )
  })

  it('are renamed, into no name that is taken and no namespace that is missing', async () => {
    await makeTrades()
    await makeView()
    await makeView('other')
    const rename = async (to: string, namespace = 'market', from = 'symbols'): Promise<Answer> =>
      call('POST', '/views/rename', {
        source: { namespace: ['market'], name: from },
        destination: { namespace: [namespace], name: to },
      })
    expectError(
      await rename('other'),
      409,
      'AlreadyExistsException',
      /Cannot rename market.symbols to market.other. View already exists/,
    )
    expectError(
      await rename('trades'),
      409,
      'AlreadyExistsException',
      /Cannot rename market.symbols to market.trades. Table already exists/,
    )
    expectError(await rename('x', 'none'), 404, 'NoSuchNamespaceException')
    expectError(await rename('x', 'market', 'missing'), 404, 'NoSuchViewException')
    expect((await rename('listed')).status).toBe(204)
    expect((await call('GET', views)).body).toEqual({
      identifiers: ['listed', 'other'].map((name) => ({ namespace: ['market'], name })),
    })
  })

  it('get a new version by a commit, which is refused for another view', async () => {
    await makeTrades()
    const { metadata } = (await makeView()).body as ShownView
    const commit = (uuid: string): object => ({
      requirements: [{ type: 'assert-view-uuid', uuid }],
      updates: [
        { action: 'add-view-version', 'view-version': version(duckdb, ['trino', 'SELECT 2']) },
        { action: 'set-current-view-version', 'view-version-id': -1 },
        { action: 'set-properties', updates: { comment: 'the symbols' } },
      ],
    })
    expectError(
      await call('POST', `${views}/symbols`, commit('b5b0e6a7-0000-4000-8000-000000000000')),
      409,
      'CommitFailedException',
      /UUID does not match/,
    )
    const changed = await call('POST', `${views}/symbols`, commit(metadata['view-uuid']))
    expect(changed).toMatchObject({
      status: 200,
      body: { metadata: { 'current-version-id': 2, properties: { comment: 'the symbols' } } },
    })
    expect((await call('GET', `${views}/symbols`)).body).toEqual(changed.body)
    // Sent again, as a client does whose answer was lost: nothing is added.
    const again = await call('POST', `${views}/symbols`, commit(metadata['view-uuid']))
    expect(again.body).toEqual(changed.body)
    expectError(await call('POST', `${views}/none`, commit('x')), 404, 'NoSuchViewException')
  })

  it('refuse what is no view: two texts for a dialect, unknown updates, a text without SQL', async () => {
    await makeTrades()
    expectError(
      await call('POST', views, {
        name: 'twice',
        schema,
        'view-version': version(trino, trino),
      }),
      400,
      'IllegalArgumentException',
      /Invalid view version: Cannot add multiple queries for dialect trino/,
    )
    const unknown = { updates: [{ action: 'add-snapshot' }] }
    await makeView()
    expectError(await call('POST', `${views}/symbols`, unknown), 400, 'BadRequestException')
    const bare = { ...version(), representations: [{ type: 'sql', dialect: 'trino' }] }
    expectError(
      await call('POST', views, { name: 'bare', schema, 'view-version': bare }),
      400,
      'BadRequestException',
    )
  })

  it('are registered by a metadata file that is there', async () => {
    await makeTrades()
    const made = (await makeView()).body as ShownView
    const path = '/namespaces/market/register-view'
    const body = { name: 'back', 'metadata-location': made['metadata-location'] }
    await call('DELETE', `${views}/symbols`)
    expect((await call('POST', path, body)).body).toEqual(made)
    expectError(await call('POST', path, body), 409, 'AlreadyExistsException')
    expectError(
      await call('POST', path, { name: 'x', 'metadata-location': 'memory://lake/none.json' }),
      404,
      'NotFoundException',
    )
    const asTable = { name: 'x', 'metadata-location': made['metadata-location'] }
    expectError(
      await call('POST', '/namespaces/market/register', asTable),
      400,
      'IllegalArgumentException',
      /cannot be registered/,
    )
    expect((await call('HEAD', '/namespaces/market/tables/x')).status).toBe(404)
  })
})
