import { describe, expect, it } from 'vitest'

import { appendBody, createTrades, expectError, serveCatalog } from './serve-catalog.ts'

const { call, makeTrades } = serveCatalog()
const trades = '/namespaces/market/tables/trades'

describe('the tag of a loaded table', () => {
  it('spares a client what it has, until the table changes', async () => {
    await makeTrades()
    const loaded = await call('GET', `${trades}?snapshots=all`)
    const etag = loaded.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await call('GET', trades, undefined, { 'if-none-match': known })
      expect(again).toMatchObject({ status: 304, text: '' })
      expect(again.headers.get('etag')).toBe(etag)
    }
    const committed = await call('POST', trades, appendBody(1n, null, 1))
    const changed = await call('GET', trades, undefined, { 'if-none-match': etag })
    expect(changed.status).toBe(200)
    // The answer to a commit is the table as a load would show it, under the same tag.
    expect(changed.headers.get('etag')).toBe(committed.headers.get('etag'))
    expect(changed.body).toEqual(committed.body)
  })

  it('differs for the form that leaves snapshots out', async () => {
    await makeTrades()
    const all = (await call('GET', trades)).headers.get('etag') ?? ''
    const refs = await call('GET', `${trades}?snapshots=refs`, undefined, { 'if-none-match': all })
    expect(refs.status).toBe(200)
    expect(refs.headers.get('etag')).not.toBe(all)
  })

  it('comes with a table that was created, and not with one that is staged', async () => {
    await makeTrades()
    const body = { ...createTrades, name: 'more' }
    const staged = await call('POST', '/namespaces/market/tables', {
      ...body,
      'stage-create': true,
    })
    expect(staged.headers.get('etag')).toBeNull()
    const made = await call('POST', '/namespaces/market/tables', body)
    const known = { 'if-none-match': made.headers.get('etag') ?? '' }
    const loaded = await call('GET', '/namespaces/market/tables/more', undefined, known)
    expect(loaded.status).toBe(304)
  })
})

describe('requests that the REST catalog cannot serve', () => {
  it('get 405 where the path is known, with the methods that it takes', async () => {
    const answer = await call('PUT', '/namespaces/market/tables')
    expectError(answer, 405, 'UnsupportedOperationException', /GET, POST/)
    expect(answer.headers.get('allow')).toBe('GET, POST')
    expectError(
      await call('DELETE', '/x/transactions/commit'),
      405,
      'UnsupportedOperationException',
    )
  })

  it('get 404 where it is none, a token endpoint among them', async () => {
    expectError(await call('POST', '/oauth/tokens', {}), 404, 'NotFoundException')
    expectError(await call('POST', `${trades}/plan`, {}), 404, 'NotFoundException')
  })

  it('get clean 404s for what engines ask on a guess', async () => {
    await makeTrades()
    for (const name of ['system', 'information_schema']) {
      expectError(await call('GET', `/namespaces/${name}`), 404, 'NoSuchNamespaceException')
      expectError(await call('GET', `/namespaces/${name}/tables`), 404, 'NoSuchNamespaceException')
      expectError(await call('GET', `/namespaces/${name}/views/x`), 404, 'NoSuchViewException')
    }
    for (const parts of ['market%1Ftrades', 'market%2Etrades', 'market.trades']) {
      expectError(
        await call('GET', `/namespaces/${parts}/tables/snapshots`),
        404,
        'NoSuchTableException',
      )
    }
  })
})

describe('the credentials and the reports of a table', () => {
  it('are none to give, and any to take', async () => {
    await makeTrades()
    expect((await call('GET', `${trades}/credentials`)).body).toEqual({ 'storage-credentials': [] })
    expectError(
      await call('GET', '/namespaces/market/tables/none/credentials'),
      404,
      'NoSuchTableException',
    )
    const report = { 'report-type': 'scan-report', 'snapshot-id': 8_333_217_777_777_777_777n }
    expect((await call('POST', `${trades}/metrics`, report)).status).toBe(204)
    expectError(await call('POST', `${trades}/metrics`, {}), 400, 'BadRequestException')
  })
})
