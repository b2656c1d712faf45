import { describe, expect, it } from 'vitest'

import { SluiceError } from '../../../tables/errors.ts'
import { sampleSchema, sampleSnapshot } from '../commit/sample-table.ts'
import { trades } from './open-test-catalog.ts'
import { appendBody, createTrades, expectError, serveCatalog } from './serve-catalog.ts'

const bigId = 8_333_217_777_777_777_777n
const nextId = 8_333_217_777_777_777_778n

const served = serveCatalog()
const { call, makeTrades } = served

describe('the REST catalog and commits', () => {
  it('keeps ids of 63 bits intact on the way in and out', async () => {
    await makeTrades()
    const path = '/namespaces/market/tables/trades'
    expect(await call('POST', path, appendBody(bigId, null, 1))).toMatchObject({
      status: 200,
      body: { metadata: { 'current-snapshot-id': bigId } },
    })
    // A neighbour that a double cannot tell from it is refused: the id was compared exactly.
    expectError(
      await call('POST', path, appendBody(5n, nextId, 2)),
      409,
      'CommitFailedException',
      new RegExp(`branch main has changed: expected id ${nextId} != ${bigId}`),
    )
    expect((await call('POST', path, appendBody(nextId, bigId, 2))).status).toBe(200)
    const { text } = await call('GET', path)
    expect(text).toContain(`"current-snapshot-id":${nextId}`)
    expect(text).toContain(`"parent-snapshot-id":${bigId}`)
  })

  it('gives only named snapshots where only those are asked for', async () => {
    await makeTrades()
    const path = '/namespaces/market/tables/trades'
    await call('POST', path, appendBody(1n, null, 1))
    await call('POST', path, appendBody(2n, 1n, 2))
    const ids = async (query: string): Promise<unknown> => {
      const { body } = await call('GET', `${path}${query}`)
      const { metadata } = body as { metadata: { snapshots: { 'snapshot-id': number }[] } }
      return metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])
    }
    expect(await ids('')).toEqual([1, 2])
    expect(await ids('?snapshots=all')).toEqual([1, 2])
    expect(await ids('?snapshots=refs')).toEqual([2])
  })

  it('commits several tables at once, or none of them', async () => {
    await makeTrades()
    await call('POST', '/namespaces/market/tables', { ...createTrades, name: 'quotes' })
    const quotes = { namespace: ['market'], name: 'quotes' }
    const both = {
      'table-changes': [
        appendBody(1n, null, 1),
        { ...appendBody(2n, null, 1), identifier: quotes },
      ],
    }
    expect(await call('POST', '/transactions/commit', both)).toMatchObject({
      status: 204,
      text: '',
    })
    // Sent again, as a client does whose answer was lost.
    expect((await call('POST', '/x/transactions/commit', both)).status).toBe(204)

    const oneStale = {
      'table-changes': [appendBody(3n, 1n, 2), { ...appendBody(4n, null, 2), identifier: quotes }],
    }
    expectError(
      await call('POST', '/transactions/commit', oneStale),
      409,
      'CommitFailedException',
      /branch main was created concurrently/,
    )
    const table = await served.catalog().loadTable(trades)
    expect(table?.metadata['current-snapshot-id']).toBe(1n)
  })

  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    [
      'an unknown update',
      { updates: [{ action: 'add-view-version' }] },
      /updates\.0\.action: unknown action/,
    ],
    [
      'an unknown requirement',
      { requirements: [{ type: 'assert-next-row-id' }] },
      /requirements\.0\.type: unknown type/,
    ],
    [
      'an update without its members',
      { updates: [{ action: 'set-properties', updates: { a: 1 } }] },
      /updates\.0\.updates\.a/,
    ],
    [
      'an id with a fraction',
      { updates: [{ action: 'remove-snapshots', 'snapshot-ids': [1.5] }] },
      /updates\.0\.snapshot-ids\.0/,
    ],
    ['a body that is no object', '[]', /body/],
    ['no body', undefined, /body/],
  ]

  it.each(wrong)('refuses %s with 400', async (_, body, message) => {
    await makeTrades()
    const answer = await call('POST', '/namespaces/market/tables/trades', body)
    expectError(answer, 400, 'BadRequestException', message)
  })

  it('refuses an update that does not fit the table as an illegal argument', async () => {
    await makeTrades()
    const answer = await call('POST', '/namespaces/market/tables/trades', {
      updates: [{ action: 'set-current-schema', 'schema-id': 9 }],
    })
    expectError(answer, 400, 'IllegalArgumentException', /unknown schema: 9/)
  })

  it('reads what clients spell differently', async () => {
    await makeTrades()
    const { 'schema-id': _, ...snapshot } = sampleSnapshot(1n, { sequenceNumber: 1 })
    const answer = await call('POST', '/namespaces/market/tables/trades', {
      requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main' }],
      updates: [
        { action: 'set-properties', updated: { old: 'name' } },
        { action: 'remove-properties', removed: ['none'] },
        { action: 'add-schema', schema: { ...sampleSchema, 'identifier-field-ids': null } },
        {
          action: 'add-snapshot',
          snapshot: { ...snapshot, 'parent-snapshot-id': -1, 'schema-id': null, extra: bigId },
        },
        {
          action: 'set-snapshot-ref',
          'ref-name': 'main',
          'snapshot-id': 1,
          type: 'branch',
          'max-ref-age-ms': null,
        },
      ],
    })
    expect(answer.status).toBe(200)
    const table = (await served.catalog().loadTable(trades))?.metadata
    expect(table?.properties).toEqual({ old: 'name' })
    expect(table?.schemas).toHaveLength(1)
    expect(table?.snapshots).toEqual([{ ...snapshot, extra: bigId }])
    expect(table?.refs).toEqual({ main: { 'snapshot-id': 1n, type: 'branch' } })
  })

  it('answers a commit that certainly failed with 409, so that the client may clean up', async () => {
    await makeTrades()
    served.failWrites(
      new SluiceError('storage-unavailable', 'The disk is full. Nothing was written.'),
    )
    expectError(
      await call('POST', '/namespaces/market/tables/trades', appendBody(1n, null, 1)),
      409,
      'CommitFailedException',
      /disk is full/,
    )
    expectError(
      await call('POST', '/namespaces/market/tables', { ...createTrades, name: 't' }),
      503,
      'ServiceUnavailableException',
    )
    expect(served.failures()).toHaveLength(1)
  })

  it('answers an unknown outcome with 500, so that the client keeps its files', async () => {
    await makeTrades()
    served.failWrites(new SluiceError('commit-state-unknown', 'It may have landed.'))
    expectError(
      await call('POST', '/transactions/commit', { 'table-changes': [appendBody(1n, null, 1)] }),
      500,
      'CommitStateUnknownException',
    )
  })

  it('tells nothing of an error that it does not know', async () => {
    await makeTrades()
    const failure = new TypeError('secret of the inside')
    served.failWrites(failure)
    const answer = await call('POST', '/namespaces/market/tables', { ...createTrades, name: 't' })
    expectError(answer, 500, 'InternalServerError')
    expect(answer.text).not.toContain('secret')
    expect(served.failures()).toEqual([failure])
  })
})
