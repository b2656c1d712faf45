import { request } from 'node:https'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'

import {
  type RestServer,
  type RestServerOptions,
  startRestServer,
} from '../../../tables/catalog/rest-server.ts'
import { catalogRoles } from '../../../tables/catalog/rest-server-route.ts'
import { routesOf } from '../../../tables/catalog/rest-server-config.ts'
import { createSelfSigned } from '../../support/self-signed-certificate.ts'
import { serveCatalog } from './serve-catalog.ts'

const served = serveCatalog()

const tokens = catalogRoles.map((role) => ({ role, token: `token-that-may-${role}` }))

async function withServer<T>(
  options: Partial<RestServerOptions>,
  work: (server: RestServer) => Promise<T>,
): Promise<T> {
  const server = await startRestServer({ catalog: served.catalog(), port: 0, ...options })
  try {
    return await work(server)
  } finally {
    await server.close()
  }
}

async function statusOf(
  url: string,
  method: string,
  path: string,
  token?: string,
): Promise<number> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  })
  await answer.text()
  return answer.status
}

describe('the roles of tokens', () => {
  it('open each route to its own role and those above it, and to nobody else', async () => {
    await withServer({ tokens }, async ({ url }) => {
      for (const { method, path, role } of routesOf(served.catalog())) {
        const real = `/v1${path.replace(/\{[a-z]+\}/g, 'none')}`
        expect(await statusOf(url, method, real), `${method} ${path}`).toBe(401)
        for (const held of tokens) {
          const mayPass = catalogRoles.indexOf(held.role) >= catalogRoles.indexOf(role)
          const status = await statusOf(url, method, real, held.token)
          expect(status === 403, `${held.role}: ${method} ${path}`).toBe(!mayPass)
          expect(status).not.toBe(401)
        }
      }
    })
  })

  it('are what their names say: reading, committing, dropping', () => {
    const endpoints = (role: string): readonly string[] =>
      routesOf(served.catalog())
        .filter((route) => route.role === role)
        .map(({ method, path }) => `${method} ${path}`)
    const reading = endpoints('read').filter((name) => !/^(GET|HEAD) /.test(name))
    expect(reading).toEqual(['POST /namespaces/{namespace}/tables/{table}/metrics'])
    expect(endpoints('write').toSorted()).toEqual([
      'POST /namespaces/{namespace}/tables',
      'POST /namespaces/{namespace}/tables/{table}',
      'POST /namespaces/{namespace}/views',
      'POST /namespaces/{namespace}/views/{view}',
      'POST /transactions/commit',
    ])
    expect(endpoints('admin').filter((name) => name.startsWith('DELETE '))).toHaveLength(3)
  })

  it('guard what is no route too, and the configuration', async () => {
    await withServer({ tokens }, async ({ url }) => {
      expect(await statusOf(url, 'GET', '/v1/config')).toBe(401)
      expect(await statusOf(url, 'GET', '/openapi.json')).toBe(401)
      expect(await statusOf(url, 'GET', '/nothing')).toBe(401)
      expect(await statusOf(url, 'GET', '/v1/config', 'token-that-may-read')).toBe(200)
      expect(await statusOf(url, 'GET', '/nothing', 'token-that-may-read')).toBe(404)
      expect(await statusOf(url, 'GET', '/v1/config', 'token-that-may-rea')).toBe(401)
    })
  })

  it('say what is missing, and never what a token is', async () => {
    const failures: unknown[] = []
    const onFailure = (error: unknown): void => void failures.push(error)
    await withServer({ tokens, onFailure }, async ({ url }) => {
      const texts: string[] = []
      for (const token of [...tokens.map((known) => known.token), 'a-wrong-token-of-a-client']) {
        for (const path of ['/v1/namespaces/x', '/v1/nothing', '/v1/tables/rename']) {
          for (const method of ['GET', 'POST', 'DELETE']) {
            const answer = await fetch(`${url}${path}`, {
              method,
              headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
              ...(method === 'POST' ? { body: '{' } : {}),
            })
            texts.push(await answer.text(), JSON.stringify([...answer.headers]))
          }
        }
      }
      const all = texts.join('\n') + String(failures)
      expect(all).toContain('this needs admin')
      for (const { token } of tokens) expect(all).not.toContain(token)
      expect(all).not.toContain('a-wrong-token-of-a-client')
    })
  })
})

describe('a server that is open to the network', () => {
  it('needs tokens, long ones, and TLS or the word that it may go without', async () => {
    const refusalFor = async (options: Partial<RestServerOptions>): Promise<string> => {
      return withServer({ host: '0.0.0.0', ...options }, async () => 'started').catch(
        (error: unknown) => (error as Error).message,
      )
    }
    expect(await refusalFor({})).toMatch(/SLUICE_CATALOG_TOKEN/)
    expect(await refusalFor({ allowPlaintext: true })).toMatch(/SLUICE_CATALOG_TOKEN/)
    expect(await refusalFor({ tokens: ['short'] })).toMatch(/shorter than 16/)
    expect(await refusalFor({ tokens })).toMatch(/without TLS.*--tls-cert/)
    expect(await refusalFor({ tokens, allowPlaintext: true })).toBe('started')
    expect(await refusalFor({ tokens, tls: createSelfSigned() })).toBe('started')
  })

  it('speaks TLS with the certificate that it was given', async () => {
    const tls = createSelfSigned()
    await withServer({ tls }, async ({ url, port }) => {
      expect(url).toBe(`https://127.0.0.1:${port}`)
      const status = await new Promise((resolve, reject) => {
        const sent = request(`${url}/v1/config`, { ca: tls.cert }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
        sent.on('error', reject)
        sent.end()
      })
      expect(status).toBe(200)
      await expect(fetch(url.replace('https', 'http'))).rejects.toThrow()
    })
  })

  it('does not start with a certificate that is none, or of another key', async () => {
    const { cert } = createSelfSigned()
    const { key } = createSelfSigned()
    for (const tls of [
      { cert: 'none', key },
      { cert, key },
    ]) {
      await expect(withServer({ tls }, async () => undefined)).rejects.toMatchObject({
        kind: 'invalid-input',
        message: expect.stringMatching(/certificate and the key/) as string,
      })
    }
  })
})

describe('the limits of the server', () => {
  it('refuse a body that is too large, without reading it to its end', async () => {
    await withServer({ limits: { bodyBytesMax: 1000 } }, async ({ url }) => {
      const answer = await fetch(`${url}/v1/namespaces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ namespace: ['x'.repeat(2000)] }),
      })
      expect(answer.status).toBe(413)
      expect(await answer.json()).toMatchObject({ error: { code: 413, stack: [] } })
    })
  })

  it('answer 429 to an address that asks too often, whether its token is right or not', async () => {
    await withServer({ tokens, limits: { requestsPerSecondMax: 3 } }, async ({ url }) => {
      for (const [path, token] of [
        ['/v1/namespaces', 'token-that-may-read'],
        ['/v1/namespaces', 'wrong'],
        ['/nothing', 'token-that-may-read'],
      ] as const) {
        // Thirty at once are within two seconds on any machine, and those allow six.
        const asked = Array.from({ length: 30 }, () => statusOf(url, 'GET', path, token))
        const statuses = await Promise.all(asked)
        expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0)
      }
    })
  })

  it('say when to come again, in the error model', async () => {
    await withServer({ limits: { requestsPerSecondMax: 1 } }, async ({ url }) => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const answer = await fetch(`${url}/v1/config`)
          return {
            status: answer.status,
            retryAfter: answer.headers.get('retry-after'),
            body: await answer.json(),
          }
        }),
      )
      expect(answers.find(({ status }) => status === 429)).toMatchObject({
        retryAfter: '1',
        body: { error: { code: 429, type: 'TooManyRequestsException' } },
      })
    })
  })

  it('end a request that never comes to its end', async () => {
    await withServer({ limits: { requestTimeoutMs: 200 } }, async ({ port }) => {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1')
        let text = ''
        socket.on('data', (bytes) => (text += bytes.toString()))
        socket.on('error', reject)
        socket.on('close', () => resolve(text))
        const headers = 'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 9'
        socket.write(`POST /v1/namespaces HTTP/1.1\r\n${headers}\r\n\r\n{`)
      })
      expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":408/s)
    })
  })
})
