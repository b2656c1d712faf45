import { afterEach, describe, expect, it } from 'vitest'

import type { Catalog, TableCommit } from '../../../tables/catalog/catalog.ts'
import { openRestCatalog, type RestCatalogOptions } from '../../../tables/catalog/rest-catalog.ts'
import { systemClock } from '../../../tables/clock.ts'
import {
  errorBody,
  type FakeAnswer,
  type FakeCatalog,
  openOverFake,
  type SeenRequest,
  startFakeServer,
  tableReply,
} from './fake-rest-server.ts'
import { quotes, trades } from './open-test-catalog.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function open(
  answer: (request: SeenRequest, index: number) => FakeAnswer,
  options: Partial<RestCatalogOptions> & { readonly config?: FakeAnswer } = {},
): Promise<FakeCatalog> {
  const opened = await openOverFake(answer, options)
  closers.push(opened.server.close)
  return opened
}

const TRADES_PATH = '/v1/namespaces/market/tables/trades'
const commitTo = (catalog: Catalog, ...tables: readonly TableCommit['identifier'][]) =>
  catalog.commitTransaction(
    tables.map((identifier) => ({
      identifier,
      requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 2n ** 62n }],
      updates: [{ action: 'set-properties', updates: { a: '1' } }],
    })),
  )

describe('the configuration of a REST client', () => {
  it('is defaults, then its own, then overrides', async () => {
    const { catalog, server } = await open(() => tableReply, {
      warehouse: 'a b',
      properties: { prefix: 'mine', 'namespace-separator': '%2F' },
      config: {
        status: 200,
        body: {
          defaults: { prefix: 'theirs', 'namespace-separator': '%2C' },
          overrides: { 'namespace-separator': '%2E' },
        },
      },
    })
    await catalog.loadTable({ namespace: ['a', 'b'], name: 't' })
    expect(server.seen.map(({ url }) => url)).toEqual([
      '/v1/config?warehouse=a+b',
      '/v1/mine/namespaces/a.b/tables/t?snapshots=all',
    ])
  })

  it.each([
    ['main|warehouse', '/v1/main%7Cwarehouse/'],
    ['main%7Cwarehouse', '/v1/main%7Cwarehouse/'],
    ['a/b c', '/v1/a/b%20c/'],
  ])('takes the prefix %s as catalogs send it', async (prefix, start) => {
    const config = { status: 200, body: { defaults: {}, overrides: { prefix } } }
    const { catalog, server } = await open(() => tableReply, { config })
    await catalog.loadTable(trades)
    expect(server.seen[1]?.url).toBe(`${start}namespaces/market/tables/trades?snapshots=all`)
  })

  it('goes on at the URI that the catalog names', async () => {
    const other = await startFakeServer(() => tableReply)
    closers.push(other.close)
    const config = { status: 200, body: { defaults: {}, overrides: { uri: `${other.uri}/v1/` } } }
    const { catalog } = await open(() => tableReply, { config })
    await catalog.loadTable(trades)
    expect(other.to(TRADES_PATH)).toHaveLength(1)
  })

  it('joins levels by the unit separator where the catalog names none', async () => {
    const { catalog, server } = await open(() => tableReply)
    await catalog.loadTable({ namespace: ['a', 'b'], name: 'x/y' })
    expect(server.seen[1]?.url).toContain('/v1/namespaces/a%1Fb/tables/x%2Fy?')
  })

  it('calls nothing that the catalog does not list', async () => {
    const endpoints = ['GET /v1/{prefix}/namespaces/{namespace}/tables/{table}']
    const { catalog, server } = await open(() => tableReply, {
      config: { status: 200, body: { defaults: {}, overrides: {}, endpoints } },
    })
    await expect(catalog.listNamespaces()).rejects.toMatchObject({ kind: 'unsupported' })
    await expect(catalog.dropTable(trades)).rejects.toThrow(/Nothing was sent/)
    expect(server.seen).toHaveLength(1)
    expect(await catalog.tableExists(trades)).toBe(true)
    expect(server.seen[1]).toMatchObject({ method: 'GET' })
  })

  it.each([
    ['atomic only where it says so itself', {}, {}, false],
    ['atomic by its own word', { 'sluice.atomic-transactions': 'true' }, {}, true],
    ['atomic by ours', {}, { atomicTransactions: 'advertised' }, true],
    ['never', { 'sluice.atomic-transactions': 'true' }, { atomicTransactions: 'never' }, false],
  ] as const)('takes a catalog for %s', async (_, overrides, options, isAtomic) => {
    const config = { status: 200, body: { defaults: {}, overrides } }
    const { catalog } = await open(() => tableReply, { config, ...options })
    expect(catalog.capabilities.atomicMultiTable).toBe(isAtomic)
  })

  it('is not taken from what is no catalog, nor from an address that carries a password', async () => {
    const page = { status: 200, body: '<html>hello</html>' }
    await expect(open(() => page, { config: page })).rejects.toMatchObject({
      kind: 'corrupt-data',
    })
    for (const uri of [
      'http://user:hunter2@127.0.0.1:1',
      'ftp://127.0.0.1',
      'nowhere',
      'http://a/?x=1',
    ]) {
      const opening = openRestCatalog({ uri, clock: systemClock })
      await expect(opening).rejects.toMatchObject({ kind: 'invalid-input' })
      await expect(opening).rejects.not.toThrow(/hunter2/)
    }
  })

  it('says what is unknown where nobody listens', async () => {
    const sleep = async (): Promise<void> => undefined
    const opening = openRestCatalog({ uri: 'http://127.0.0.1:9', clock: systemClock, sleep })
    await expect(opening).rejects.toMatchObject({ kind: 'storage-unavailable', isRetryable: true })
  })
})

describe('lists', () => {
  it('are read to their last page', async () => {
    const { catalog, server } = await open(({ url }) => {
      const page = Number(new URL(url, 'http://x').searchParams.get('pageToken') || '1')
      const identifiers = [{ namespace: ['market'], name: `t${page}` }]
      const next = page < 3 ? String(page + 1) : null
      return { status: 200, body: { identifiers, 'next-page-token': next } }
    })
    expect((await catalog.listTables(['market'])).map(({ name }) => name)).toEqual([
      't1',
      't2',
      't3',
    ])
    expect(server.seen[1]?.url).toBe('/v1/namespaces/market/tables?pageToken=')
  })

  it('are refused where their pages go round', async () => {
    const { catalog } = await open(() => ({
      status: 200,
      body: { identifiers: [], 'next-page-token': 'again' },
    }))
    await expect(catalog.listTables(['market'])).rejects.toMatchObject({ kind: 'corrupt-data' })
  })
})

describe('a table that is loaded again', () => {
  it('is asked for by its tag, and not sent again where it is the same', async () => {
    const { catalog, server } = await open(({ headers }) =>
      headers['if-none-match'] === 'W/"7"'
        ? { status: 304 }
        : { ...tableReply, headers: { etag: 'W/"7"' } },
    )
    const first = await catalog.loadTable(trades)
    expect(server.seen[1]?.headers['if-none-match']).toBeUndefined()
    expect(await catalog.loadTable(trades)).toBe(first)
    expect(server.seen[2]?.headers['if-none-match']).toBe('W/"7"')
  })

  it('is sent whole by a catalog that gives no tags', async () => {
    const { catalog, server } = await open(() => tableReply)
    await catalog.loadTable(trades)
    await catalog.loadTable(trades)
    expect(server.seen[2]?.headers['if-none-match']).toBeUndefined()
  })
})

describe('a request that fails', () => {
  const unavailable = errorBody(503, 'ServiceUnavailableException', 'later')

  it.each([408, 500, 502, 503, 504])(
    'is asked again after %i where it only reads',
    async (status) => {
      const { catalog, server, waits } = await open((_, index) =>
        index < 3 ? { status } : tableReply,
      )
      expect(await catalog.loadTable(trades)).toBeDefined()
      expect(server.to(TRADES_PATH)).toHaveLength(3)
      expect(waits).toEqual([200, 400])
    },
  )

  it('is given up after bounded tries', async () => {
    const { catalog, server } = await open(() => unavailable)
    await expect(catalog.loadTable(trades)).rejects.toMatchObject({
      kind: 'storage-unavailable',
      isRetryable: true,
    })
    expect(server.to(TRADES_PATH)).toHaveLength(5)
  })

  it.each([
    ['2', 2000],
    ['86400', 30_000],
    ['nonsense', 200],
  ])('waits as the catalog asks by Retry-After %s, within bounds', async (text, waitMs) => {
    const { catalog, waits } = await open((_, index) =>
      index === 1 ? { status: 429, headers: { 'retry-after': text } } : tableReply,
    )
    await commitTo(catalog, trades)
    expect(waits).toEqual([waitMs])
  })

  it.each([408, 500, 502, 503, 504])(
    'leaves a commit unknown after %i, and sends it once',
    async (status) => {
      const { catalog, server } = await open(() => ({ status }))
      await expect(commitTo(catalog, trades)).rejects.toMatchObject({
        kind: 'commit-state-unknown',
      })
      expect(server.to(TRADES_PATH)).toHaveLength(1)
    },
  )

  it('leaves a commit unknown where the answer is dropped, late or unreadable', async () => {
    const dropped = await open(() => ({ status: 200, drop: true }))
    const garbled = await open(() => ({ status: 200, body: '{"metadata' }))
    const bare = await open(() => ({ status: 200, body: { metadata: {} } }))
    for (const { catalog, server } of [dropped, garbled, bare]) {
      await expect(commitTo(catalog, trades)).rejects.toMatchObject({
        kind: 'commit-state-unknown',
      })
      expect(server.to(TRADES_PATH)).toHaveLength(1)
    }
  })

  it('leaves a commit unknown where no answer comes in time', async () => {
    const { catalog, server } = await open(() => ({ status: 200, hang: true }), { timeoutMs: 300 })
    await expect(commitTo(catalog, trades)).rejects.toThrow(/no answer within 300 ms/)
    await expect(commitTo(catalog, trades)).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(server.to(TRADES_PATH)).toHaveLength(2)
  })

  it('leaves a transaction unknown whose tables cannot be loaded after it', async () => {
    const { catalog } = await open(
      ({ method }) => (method === 'POST' ? { status: 204 } : unavailable),
      { atomicTransactions: 'advertised' },
    )
    await expect(commitTo(catalog, trades, quotes)).rejects.toMatchObject({
      kind: 'commit-state-unknown',
    })
  })

  it('says that a drop happened whose first answer was lost', async () => {
    const { catalog } = await open((_, index) =>
      index === 1
        ? { status: 502 }
        : errorBody(404, 'NoSuchTableException', 'Table does not exist'),
    )
    await expect(catalog.dropTable(trades)).resolves.toBeUndefined()
  })

  it.each([
    [400, 'BadRequestException', 'invalid-input'],
    [400, 'ValidationException', 'invalid-input'],
    [404, 'NoSuchTableException', 'invalid-input'],
    [404, 'NotFoundException', 'corrupt-data'],
    [405, 'UnsupportedOperationException', 'unsupported'],
    [406, 'UnsupportedOperationException', 'unsupported'],
    [409, 'CommitFailedException', 'commit-conflict'],
    [409, 'AlreadyExistsException', 'commit-conflict'],
    [422, 'UnprocessableEntityException', 'invalid-input'],
    [501, 'NotImplementedException', 'unsupported'],
  ])('is %i %s to a commit: %s', async (code, type, kind) => {
    const { catalog } = await open(({ method }) =>
      method === 'POST' ? errorBody(code, type, 'because') : tableReply,
    )
    await expect(commitTo(catalog, trades)).rejects.toMatchObject({ kind })
    await expect(commitTo(catalog, trades)).rejects.toThrow(/because.*(Nothing was|not)/s)
  })

  it('is not sent on to where a redirect points', async () => {
    const { catalog, server } = await open(() => ({
      status: 307,
      headers: { location: 'http://127.0.0.1:9/elsewhere' },
    }))
    await expect(commitTo(catalog, trades)).rejects.toMatchObject({ kind: 'invalid-input' })
    expect(server.to(TRADES_PATH)).toHaveLength(1)
  })

  it('takes an unknown page of 404 for no missing table', async () => {
    const { catalog } = await open(() => ({ status: 404, body: '<html>nginx</html>' }))
    await expect(catalog.loadTable(trades)).rejects.toMatchObject({ kind: 'invalid-input' })
  })

  it('sends 64-bit numbers as they are', async () => {
    const { catalog, server } = await open(() => tableReply)
    await commitTo(catalog, trades)
    expect(server.seen[1]?.body).toContain('"snapshot-id":4611686018427387904}')
  })
})
