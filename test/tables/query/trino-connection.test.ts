import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { checkTrinoAddress, type TrinoAddress } from '../../../tables/query/trino-connection.ts'
import type { TrinoProgress } from '../../../tables/query/trino-connection.ts'
import { trinoPages, type TrinoWatch } from '../../../tables/query/trino-pages.ts'
import { createSelfSigned } from '../../support/self-signed-certificate.ts'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

type Answer = (request: IncomingMessage, response: ServerResponse, url: string) => void

/** A server that answers every request in one way, over TLS where it has a certificate. */
async function fakeTrino(answer: Answer, tls?: { cert: string; key: string }): Promise<string> {
  const scheme = tls === undefined ? 'http' : 'https'
  const url = () => `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    answer(request, response, url())
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return url()
}

function send(response: ServerResponse, page: object): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ id: 'q1', ...page }))
}

async function readAll(address: TrinoAddress, watch?: TrinoWatch): Promise<number> {
  let pageCount = 0
  for await (const page of trinoPages(address, 'SELECT 1', watch)) {
    if (page.id !== '') pageCount += 1
  }
  return pageCount
}

const user = 'somebody'
const password = 'a secret'
const done = { stats: { state: 'FINISHED' } }

describe('a password for Trino', () => {
  it.each(['https://trino.example', 'http://127.0.0.1:8080', 'http://localhost:8080'])(
    'may go to %s',
    (url) => {
      expect(() => checkTrinoAddress({ url, user, password })).not.toThrow()
    },
  )

  it.each(['http://trino.example', 'http://127.0.0.1.example:80', 'http://10.0.0.1:8080'])(
    'never goes to %s, in the clear',
    async (url) => {
      await expect(readAll({ url, user, password })).rejects.toMatchObject({
        kind: 'invalid-input',
        message: expect.not.stringContaining(password) as string,
      })
      expect(() => checkTrinoAddress({ url, user })).not.toThrow()
    },
  )

  it.each(['http://me:hidden@trino.example', 'trino.example:8080', 'ftp://me:hidden@x', 'http://'])(
    'and its address are not taken from %s, nor repeated',
    (url) => {
      expect(() => checkTrinoAddress({ url, user })).toThrow(/^(?!.*hidden).*Nothing was sent/)
    },
  )

  it('goes by basic auth over TLS to a server whose authority is named', async () => {
    const tls = createSelfSigned()
    const seen: (string | undefined)[] = []
    const url = await fakeTrino((request, response) => {
      seen.push(request.headers.authorization)
      send(response, done)
    }, tls)
    await expect(readAll({ url, user, password })).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
    expect(seen).toEqual([])
    expect(await readAll({ url, user, password, authorities: tls.cert })).toBe(1)
    expect(seen).toEqual([`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`])
  })

  it('does not follow an answer that lies at an open address', async () => {
    const tls = createSelfSigned()
    let requestCount = 0
    const url = await fakeTrino((_, response) => {
      requestCount += 1
      send(response, { nextUri: 'http://trino.example/v1/statement/q1/1' })
    }, tls)
    const address = { url, user, password, authorities: tls.cert }
    await expect(readAll(address)).rejects.toThrow('http-server.process-forwarded')
    expect(requestCount).toBe(1)
  })

  it('does not follow a redirection', async () => {
    let elsewhere = 0
    const other = await fakeTrino((_, response) => {
      elsewhere += 1
      send(response, done)
    })
    const url = await fakeTrino((_, response) => {
      response.writeHead(307, { location: `${other}/v1/statement` }).end()
    })
    await expect(readAll({ url, user, password })).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
    expect(elsewhere).toBe(0)
  })

  it('that is refused is said to be, and is in no error', async () => {
    const url = await fakeTrino((_, response) => {
      response.writeHead(401).end('no')
    })
    const error: unknown = await readAll({ url, user, password }).catch((cause: unknown) => cause)
    expect(error).toMatchObject({
      kind: 'invalid-input',
      message: expect.stringContaining('refuses the user or the password') as string,
    })
    const all = inspect(error, { depth: 20, showHidden: true })
    expect(all).not.toContain(password)
    expect(all).not.toContain(Buffer.from(`${user}:${password}`).toString('base64'))
  })
})

describe('a statement in Trino', () => {
  /** Never finishes; says RUNNING at once, or holds the answer back as the real one does. */
  async function endless(holds: boolean): Promise<{ url: string; requests: string[] }> {
    const requests: string[] = []
    const url = await fakeTrino((request, response, own) => {
      requests.push(`${request.method} ${request.url}`)
      if (request.method === 'DELETE') response.writeHead(204).end()
      else if (request.method === 'GET' && holds) return
      else {
        const stats = { state: 'RUNNING', progressPercentage: 12.5, processedRows: 1000 }
        send(response, { nextUri: `${own}/v1/statement/q1/${requests.length}`, stats })
      }
    })
    return { url, requests }
  }

  it.each([true, false])(
    'is cancelled where the signal aborts (answer held: %s)',
    async (holds) => {
      const { url, requests } = await endless(holds)
      const controller = new AbortController()
      const reading = readAll({ url, user }, { signal: controller.signal })
      const ended = expect(reading).rejects.toThrow('was cancelled')
      await expect.poll(() => requests.length).toBeGreaterThan(1)
      controller.abort()
      await ended
      expect(requests.at(-1)).toMatch(/^DELETE \/v1\/statement\/q1\/\d+$/)
    },
  )

  it('is cancelled where the signal had aborted before it was sent', async () => {
    const { url, requests } = await endless(true)
    await expect(readAll({ url, user }, { signal: AbortSignal.abort() })).rejects.toThrow(
      'was cancelled',
    )
    expect(requests).toEqual(['POST /v1/statement', 'DELETE /v1/statement/q1/1'])
  })

  it('is cancelled where the reader wants no more', async () => {
    const requests: string[] = []
    const url = await fakeTrino((request, response, own) => {
      requests.push(request.method ?? '')
      send(response, { nextUri: `${own}/next`, data: [[1]], columns: [] })
    })
    for await (const page of trinoPages({ url, user }, 'SELECT 1')) {
      if (page.data !== undefined) break
    }
    expect(requests).toEqual(['POST', 'GET', 'DELETE'])
  })

  it('tells how far it is', async () => {
    const { url, requests } = await endless(false)
    const controller = new AbortController()
    const told: TrinoProgress[] = []
    const reading = readAll(
      { url, user },
      { signal: controller.signal, onProgress: (progress) => told.push(progress) },
    )
    const ended = expect(reading).rejects.toThrow('was cancelled')
    await expect.poll(() => requests.length).toBeGreaterThan(2)
    controller.abort()
    await ended
    expect(told[0]).toEqual({ queryId: 'q1', state: 'RUNNING', percent: 12.5, rowCount: 1000 })
  })
})
