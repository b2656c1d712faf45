import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'

import { serveCatalog } from './serve-catalog.ts'

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

  it('describes a commit by the names of its updates', async () => {
    const { body } = await readDescription()
    const commit = JSON.stringify(body.components.schemas['CommitTable'])
    for (const action of ['add-snapshot', 'set-snapshot-ref', 'add-schema', 'assert-create']) {
      expect(commit).toContain(`"${action}"`)
    }
  })
})
