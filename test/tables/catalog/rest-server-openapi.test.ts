import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as shown from '../../../tables/catalog/rest-server-bodies.ts'
import { type Answer, serveCatalog } from './serve-catalog.ts'

const served = serveCatalog()

interface Operation {
  readonly operationId: string
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, unknown>>
}

interface Description {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

async function readDescription(): Promise<{ readonly text: string; readonly body: Description }> {
  const answer = await fetch(`${served.server().url}/openapi.json`)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  const text = await answer.text()
  return { text, body: JSON.parse(text) as Description }
}

describe('the description of the REST catalog', () => {
  it('is valid OpenAPI, and every reference in it leads somewhere', async () => {
    const { text, body } = await readDescription()
    const checked = await new Validator().validate(JSON.parse(text) as Record<string, unknown>)
    expect(checked.errors ?? []).toEqual([])
    expect(checked.valid).toBe(true)
    const references = [...text.matchAll(/"\$ref":\s*"#\/components\/schemas\/([^"]+)"/g)]
    expect(references.length).toBeGreaterThan(50)
    const names = Object.keys(body.components.schemas)
    for (const [, name] of references) expect(names).toContain(name)
    expect(text).not.toMatch(/\$ref":\s*"(?!#\/components\/schemas\/)/)
  })

  it('holds every endpoint that the configuration lists, and beside them the configuration', async () => {
    const { body } = await readDescription()
    const described = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const config = (await served.call('GET', '/config')).body as { endpoints: readonly string[] }
    expect(described.toSorted()).toEqual(['GET /v1/config', ...config.endpoints].toSorted())
  })

  it('names each operation once, and says what those take that have a body', async () => {
    const { body } = await readDescription()
    const operations = Object.values(body.paths).flatMap((methods) => Object.entries(methods))
    const names = operations.map(([, { operationId }]) => operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const [method, operation] of operations) {
      expect(operation.requestBody !== undefined, operation.operationId).toBe(method === 'post')
      expect(Object.keys(operation.responses)[0], operation.operationId).toMatch(/^20[04]$/)
    }
  })

  it('is kept by the answers', async () => {
    await served.makeTrades()
    const { call } = served
    const fields = [{ id: 1, name: 'a', required: false, type: 'string' }]
    const version = {
      'version-id': 1,
      'timestamp-ms': 1,
      'schema-id': 0,
      summary: {},
      'default-namespace': ['market'],
      representations: [{ type: 'sql', sql: 'SELECT 1', dialect: 'duckdb' }],
    }
    const view = { name: 'v', schema: { type: 'struct', fields }, 'view-version': version }
    const market = '/namespaces/market'
    const answers: readonly (readonly [Answer, z.ZodType])[] = [
      [await call('POST', `${market}/views`, view), shown.viewShown],
      [await call('GET', '/config'), shown.configShown],
      [await call('GET', '/namespaces'), shown.namespaceList],
      [await call('GET', market), shown.namespaceShown],
      [await call('POST', `${market}/properties`, { removals: ['x'] }), shown.propertiesChanged],
      [await call('GET', `${market}/tables?pageToken=&pageSize=1`), shown.identifierList],
      [await call('GET', `${market}/views`), shown.identifierList],
      [await call('GET', `${market}/tables/trades`), shown.tableShown],
      [await call('GET', `${market}/tables/trades/credentials`), shown.credentialsShown],
      [await call('GET', `${market}/views/none`), shown.errorShown],
    ]
    for (const [answer, body] of answers) {
      const strict = body instanceof z.ZodObject ? body.strict() : body
      expect(strict.safeParse(answer.body).error, answer.text).toBeUndefined()
    }
  })

  it('describes a commit by the names of its updates', async () => {
    const { body } = await readDescription()
    const commit = JSON.stringify(body.components.schemas['CommitTable'])
    for (const action of ['add-snapshot', 'set-snapshot-ref', 'add-schema', 'assert-create']) {
      expect(commit).toContain(`"${action}"`)
    }
  })
})
