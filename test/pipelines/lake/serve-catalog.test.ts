import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CatalogAddress, serveCatalog } from '../../../pipelines/lake/serve-catalog.ts'
import type { EmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { createSelfSigned } from '../../support/self-signed-certificate.ts'
import { openMemoryCatalog } from '../../tables/catalog/open-test-catalog.ts'

let catalog: EmbeddedCatalog
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-serve-'))
  ;({ catalog } = openMemoryCatalog())
})

afterEach(async () => {
  await catalog.close()
  await rm(folder, { recursive: true, force: true })
})

const address: CatalogAddress = { host: '127.0.0.1', port: 38_181, tokens: [] }

async function serve(given: Partial<CatalogAddress>): ReturnType<typeof serveCatalog> {
  return serveCatalog({ servedCatalog: catalog, directory: undefined, stores: {} }, { ...address, ...given })
}

describe('a lake that serves its catalog', () => {
  it('reads its certificate and key from files', async () => {
    const { cert, key } = createSelfSigned()
    const tls = { certPath: join(folder, 'catalog.pem'), keyPath: join(folder, 'catalog.key') }
    await writeFile(tls.certPath, cert)
    await writeFile(tls.keyPath, key)
    const served = await serve({ tls })
    try {
      expect(served.url).toMatch(/^https:\/\//)
      const status = await new Promise((resolve, reject) => {
        const sent = request(`${served.url}/v1/config`, { ca: cert }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
        sent.on('error', reject)
        sent.end()
      })
      expect(status).toBe(200)
    } finally {
      await served.close()
    }
  })

  it('names the file where one cannot be read', async () => {
    const tls = { certPath: join(folder, 'none.pem'), keyPath: join(folder, 'none.key') }
    await expect(serve({ tls })).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringContaining('none.') as string,
    })
  })

  it('does not open to the network without a token, and says how to set one', async () => {
    await expect(serve({ host: '0.0.0.0' })).rejects.toThrow(/SLUICE_CATALOG_TOKEN/)
  })

  it('gives clients an account only where all is known, and not to everyone', async () => {
    const vended = { accessKeyId: 'reader', secretAccessKey: 'a-secret' }
    const tokens = [{ token: 'let-me-in', role: 'read' as const }]
    const refused = serve({ vended, tokens })
    await expect(refused).rejects.toMatchObject({ kind: 'invalid-input' })
    await expect(refused).rejects.toThrow('does not say at which endpoint')
    const open = serve({ vended: { ...vended, endpoint: 'http://store:9000' } })
    await expect(open).rejects.toThrow('anyone who reaches 127.0.0.1 would get it')
    await expect(open).rejects.not.toThrow('a-secret')
  })

  it('has nothing to serve where another catalog keeps the tables', async () => {
    const lake = { servedCatalog: undefined, directory: undefined, stores: {} }
    await expect(serveCatalog(lake, address)).rejects.toMatchObject({ kind: 'invalid-input' })
  })

  it('logs how many reports came and what failed, and never a token', async () => {
    const token = 'a-token-that-nobody-may-see'
    const wrong = 'a-wrong-token-of-a-client'
    const lines: string[] = []
    // Every line: how many reports came is told to those who debug.
    const logger = pino({ base: null, level: 'debug' }, { write: (line: string) => void lines.push(line) })
    const served = await serve({ tokens: [{ token, role: 'admin' }], logger })
    const call = async (path: string, used: string, body: string): Promise<number> => {
      const answer = await fetch(`${served.url}/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${used}` },
        body,
      })
      await answer.text()
      return answer.status
    }
    const metrics = '/namespaces/market/tables/trades/metrics'
    expect(await call(metrics, token, '{"report-type":"scan-report"}')).toBe(204)
    expect(await call(metrics, token, '{"report-type":"scan-report"}')).toBe(204)
    expect(await call(metrics, token, '{"report-type":"commit-report"}')).toBe(204)
    expect(await call(metrics, wrong, '{}')).toBe(401)
    // Its database is gone: a failure of its own.
    await catalog.close()
    expect(await call('/namespaces', token, '{"namespace":["x"]}')).toBeGreaterThanOrEqual(500)
    await served.close()
    const text = lines.join('')
    expect(text).toContain('"reports":{"scan-report":2,"commit-report":1}')
    expect(text).toContain('the catalog failed')
    expect(text).not.toContain(token)
    expect(text).not.toContain(wrong)
  })
})
