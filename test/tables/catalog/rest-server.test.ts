import { request } from 'node:http'
import { describe, expect, it } from 'vitest'

import { listenOnFreePort, startRestServer } from '../../../tables/catalog/rest-server.ts'
import { expectError, serveCatalog } from './serve-catalog.ts'

const served = serveCatalog()
const { call } = served

describe('the REST catalog and its configuration', () => {
  it('lists its endpoints in the words of the protocol, with objects for both settings', async () => {
    const { status, body } = await call('GET', '/config?warehouse=')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      defaults: {},
      overrides: { 'namespace-separator': '%2E', 'sluice.atomic-transactions': 'true' },
    })
    expect((body as { endpoints: readonly string[] }).endpoints.toSorted()).toEqual([
      'DELETE /v1/{prefix}/namespaces/{namespace}',
      'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'DELETE /v1/{prefix}/namespaces/{namespace}/views/{view}',
      'GET /v1/{prefix}/namespaces',
      'GET /v1/{prefix}/namespaces/{namespace}',
      'GET /v1/{prefix}/namespaces/{namespace}/tables',
      'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials',
      'GET /v1/{prefix}/namespaces/{namespace}/views',
      'GET /v1/{prefix}/namespaces/{namespace}/views/{view}',
      'HEAD /v1/{prefix}/namespaces/{namespace}',
      'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'HEAD /v1/{prefix}/namespaces/{namespace}/views/{view}',
      'POST /v1/{prefix}/namespaces',
      'POST /v1/{prefix}/namespaces/{namespace}/properties',
      'POST /v1/{prefix}/namespaces/{namespace}/register',
      'POST /v1/{prefix}/namespaces/{namespace}/register-view',
      'POST /v1/{prefix}/namespaces/{namespace}/tables',
      'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
      'POST /v1/{prefix}/namespaces/{namespace}/views',
      'POST /v1/{prefix}/namespaces/{namespace}/views/{view}',
      'POST /v1/{prefix}/tables/rename',
      'POST /v1/{prefix}/transactions/commit',
      'POST /v1/{prefix}/views/rename',
    ])
  })

  it('knows its warehouse by name and by location, and no other', async () => {
    expect((await call('GET', '/config')).status).toBe(200)
    expect((await call('GET', '/config?warehouse=sluice')).status).toBe(200)
    expect((await call('GET', '/config?warehouse=memory%3A%2F%2Flake')).status).toBe(200)
    expectError(await call('GET', '/config?warehouse=x'), 404, 'NoSuchWarehouseException')
  })

  it('answers what it does not serve with a clean 404', async () => {
    expectError(await call('GET', '/nothing'), 404, 'NotFoundException')
    expectError(await call('GET', '/namespaces/a/views/v'), 404, 'NoSuchViewException')
    expectError(await call('GET', '/namespaces/system'), 404, 'NoSuchNamespaceException')
    expectError(
      await call('GET', '/namespaces/market%2Etrades/tables/snapshots'),
      404,
      'NoSuchTableException',
      /Table does not exist: market.trades.snapshots/,
    )
  })
})

describe('who may call the REST catalog', () => {
  /** `fetch` does not let a caller choose the Host header. */
  function statusFor(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sent = request(`${url}/v1/config`, { headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  it('is anybody on this machine, but no web page that gave it a name', async () => {
    expect(await statusFor(served.server().url, {})).toBe(200)
    expect(
      await statusFor(served.server().url, { host: `localhost:${served.server().port}` }),
    ).toBe(200)
    expect(await statusFor(served.server().url, { host: 'evil.example' })).toBe(403)
  })

  it('is whoever has a token, where tokens are set', async () => {
    const guarded = await startRestServer({
      catalog: served.catalog(),
      port: 0,
      tokens: ['first', 'second'],
    })
    try {
      expect(await statusFor(guarded.url, {})).toBe(401)
      expect(await statusFor(guarded.url, { authorization: 'Bearer None' })).toBe(401)
      expect(await statusFor(guarded.url, { authorization: 'Bearer second' })).toBe(200)
    } finally {
      await guarded.close()
    }
  })

  it('is nobody from the network without a token: the server does not start', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      await expect(
        startRestServer({ catalog: served.catalog(), host, port: 0 }),
      ).rejects.toMatchObject({
        kind: 'invalid-input',
      })
    }
  })

  it('takes no body of another content type, which a web page could send unasked', async () => {
    const answer = await fetch(`${served.server().url}/v1/namespaces`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{"namespace":["x"]}',
    })
    expect(answer.status).toBe(415)
    expect(await answer.json()).toMatchObject({ error: { code: 415 } })
  })
})

describe('the port of the REST catalog', () => {
  it('is refused where it is taken', async () => {
    await expect(
      startRestServer({ catalog: served.catalog(), port: served.server().port }),
    ).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
  })

  it('is the next free one where that is wished for', async () => {
    const next = await listenOnFreePort({ catalog: served.catalog(), port: served.server().port })
    try {
      expect(next.port).toBeGreaterThan(served.server().port)
      expect((await fetch(`${next.url}/v1/config`)).status).toBe(200)
    } finally {
      await next.close()
    }
  })
})
