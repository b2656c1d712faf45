import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { pageOf } from '../../../tables/catalog/rest-server-pages.ts'
import { sampleSchema } from '../commit/sample-table.ts'
import { expectError, serveCatalog } from './serve-catalog.ts'

const { call } = serveCatalog()

async function makeTables(names: readonly string[]): Promise<void> {
  await call('POST', '/namespaces', { namespace: ['market'] })
  for (const name of names) {
    const made = await call('POST', '/namespaces/market/tables', { name, schema: sampleSchema })
    expect(made.status).toBe(200)
  }
}

interface Listed {
  readonly identifiers: readonly { readonly name: string }[]
  readonly 'next-page-token'?: string
}

describe('the lists of the REST catalog', () => {
  it('come whole where no page is asked for, and page after page where one is', async () => {
    await makeTables(['c', 'a', 'e', 'b', 'd'])
    const path = '/namespaces/market/tables'
    const whole = (await call('GET', path)).body as Listed
    expect(whole.identifiers.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(whole).not.toHaveProperty('next-page-token')
    expect((await call('GET', `${path}?pageToken=`)).body).toEqual(whole)
    expect((await call('GET', `${path}?pageSize=2`)).body).toEqual(whole)

    const first = (await call('GET', `${path}?pageToken=&pageSize=2`)).body as Listed
    expect(first.identifiers.map(({ name }) => name)).toEqual(['a', 'b'])
    // What is dropped and made between two pages moves no other name.
    await call('DELETE', `${path}/b`)
    await call('POST', path, { name: 'bb', schema: sampleSchema })
    const second = await call(
      'GET',
      `${path}?pageSize=2&pageToken=${first['next-page-token'] ?? ''}`,
    )
    const { identifiers, 'next-page-token': token = '' } = second.body as Listed
    expect(identifiers.map(({ name }) => name)).toEqual(['bb', 'c'])
    const last = (await call('GET', `${path}?pageToken=${token}`)).body as Listed
    expect(last.identifiers.map(({ name }) => name)).toEqual(['d', 'e'])
    expect(last).not.toHaveProperty('next-page-token')
  })

  it('refuse a token of somebody else, and a size that is none', async () => {
    await makeTables([])
    for (const query of ['pageToken=x', 'pageToken=&pageSize=0', 'pageToken=&pageSize=-1']) {
      const answer = await call('GET', `/namespaces/market/tables?${query}`)
      expectError(answer, 400, 'IllegalArgumentException')
    }
  })

  it('page namespaces and views too', async () => {
    for (const name of ['x', 'y', 'z']) await call('POST', '/namespaces', { namespace: [name] })
    const first = await call('GET', '/namespaces?pageToken=&pageSize=2')
    expect(first.body).toMatchObject({ namespaces: [['x'], ['y']] })
    const token = (first.body as Listed)['next-page-token'] ?? ''
    const rest = await call('GET', `/namespaces?pageToken=${token}&pageSize=2`)
    expect(rest.body).toEqual({ namespaces: [['z']] })
    expect((await call('GET', '/namespaces/x/views?pageToken=&pageSize=2')).body).toEqual({
      identifiers: [],
    })
  })

  it('are the same in pages of any size as whole', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 4 })),
        fc.integer({ min: 1, max: 5 }),
        (names, size) => {
          const seen: string[] = []
          let pageToken: string | undefined = ''
          for (let page = 0; pageToken !== undefined && page <= names.length; page += 1) {
            const query: Record<string, string> = { pageToken, pageSize: String(size) }
            const { items, nextToken } = pageOf(names, (name) => name, { query })
            expect(items.length).toBeLessThanOrEqual(size)
            seen.push(...items)
            pageToken = nextToken
          }
          expect(seen).toEqual([...names].sort((left, right) => (left < right ? -1 : 1)))
        },
      ),
    )
  })
})
