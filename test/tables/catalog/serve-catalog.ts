import { afterEach, beforeEach, expect } from 'vitest'

import type { EmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { type RestServer, startRestServer } from '../../../tables/catalog/rest-server.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { parseJson, stringifyJson } from '../../../tables/spec/json.ts'
import { append, sampleSchema } from '../commit/sample-table.ts'
import { openMemoryCatalog } from './open-test-catalog.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  /** The body as JSON with its long integers kept; undefined where there is none. */
  readonly body: unknown
  readonly headers: Headers
}

/** A served catalog in memory, fresh for each test. */
export interface ServedTest {
  readonly catalog: () => EmbeddedCatalog
  readonly server: () => RestServer
  /** What the server reported as its own failures. */
  readonly failures: () => readonly unknown[]
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
  /** Namespace `market` with the table `trades`. */
  readonly makeTrades: () => Promise<void>
  /** Makes every write of the store fail from now on. */
  readonly failWrites: (error: Error) => void
}

export const createTrades = { name: 'trades', schema: sampleSchema }

/** Call it at the top of a test file: it starts and stops a server around each test. */
export function serveCatalog(): ServedTest {
  let catalog: EmbeddedCatalog
  let server: RestServer
  let failures: unknown[] = []
  let failure: Error | undefined

  const failing = (inner: FileIO): FileIO => ({
    ...inner,
    write: async (location, bytes, options) => {
      if (failure !== undefined) throw failure
      await inner.write(location, bytes, options)
    },
  })

  beforeEach(async () => {
    failure = undefined
    failures = []
    ;({ catalog } = openMemoryCatalog(failing))
    server = await startRestServer({
      catalog,
      port: 0,
      onFailure: (error) => failures.push(error),
    })
  })

  afterEach(async () => {
    await server.close()
    await catalog.close()
  })

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await fetch(`${server.url}/v1${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer None',
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : stringifyJson(body) }),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      text,
      body: text === '' ? undefined : parseJson(text),
      headers: answer.headers,
    }
  }

  return {
    catalog: () => catalog,
    server: () => server,
    failures: () => failures,
    call,
    makeTrades: async () => {
      await call('POST', '/namespaces', { namespace: ['market'] })
      expect((await call('POST', '/namespaces/market/tables', createTrades)).status).toBe(200)
    },
    failWrites: (error) => {
      failure = error
    },
  }
}

/** The whole error model: status, code and type agree, and there is a message. */
export function expectError(answer: Answer, code: number, type: string, message?: RegExp): void {
  expect({ status: answer.status, body: answer.body }).toEqual({
    status: code,
    body: { error: { code, type, message: expect.any(String), stack: [] } },
  })
  if (message !== undefined) expect(answer.text).toMatch(message)
}

/** A commit to `market.trades` that appends one snapshot. */
export function appendBody(id: bigint, parent: bigint | null, sequenceNumber: number): object {
  return {
    identifier: { namespace: ['market'], name: 'trades' },
    requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parent }],
    updates: append(id, { sequenceNumber, ...(parent === null ? {} : { parent }) }),
  }
}
