import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { parseConfig } from '../../../pipelines/config/load-config.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import type { CatalogSecrets } from '../../../pipelines/lake/lake-secrets.ts'
import type { LakeCatalog } from '../../../pipelines/lake/open-lake-catalog.ts'
import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { type RestServer, startRestServer } from '../../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { readContentHashes } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'
import { makeStockHours } from '../../support/stock-hours.ts'

const parts = { clock: systemClock, ids: randomIds }

describe('a lake over a REST catalog of another process', () => {
  let folder = ''
  let server: RestServer
  let stop: () => Promise<void>

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-over-'))
    const catalog = openEmbeddedCatalog({
      ...parts,
      path: join(folder, 'catalog.db'),
      warehouse: `file://${folder}/warehouse`,
      fileIO: createLocalFileIO(),
    })
    const tokens = [{ token: 'let-me-in', role: 'admin' as const }]
    server = await startRestServer({ catalog, port: 0, tokens })
    stop = async () => {
      await server.close()
      await catalog.close()
    }
  })
  afterEach(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })

  const open = (
    secrets: CatalogSecrets,
    catalog: LakeCatalog | undefined = { uri: server.url, atomicTransactions: 'marked' },
  ): Promise<Lake> => {
    const directory = join(folder, 'lake')
    return openLake({ ...parts, directory, createIfMissing: true, catalog, secrets: { catalog: secrets } })
  }

  it('takes messages in by atomic cuts, and is opened again without the config', async () => {
    const lake = await open({ token: 'let-me-in' })
    expect(lake.catalog.capabilities.atomicMultiTable).toBe(true)
    expect(lake.journalFolder).toBeUndefined()
    expect(lake.servedCatalog).toBeUndefined()
    const { messages } = makeStockHours(3, new Map())
    await runList(lake, messages, [8])
    const hashes = await readContentHashes(lake)
    expect(Object.keys(hashes).length).toBeGreaterThan(2)
    await lake.close()

    const again = await open({ token: 'let-me-in' }, undefined)
    expect(await receiptProblems(again)).toEqual([])
    expect(await readContentHashes(again)).toEqual(hashes)
    await again.close()
    const written = await readFile(join(folder, 'lake', 'lake.json'), 'utf8')
    expect(JSON.parse(written)).toMatchObject({ catalog: { uri: server.url } })
    expect(written).not.toContain('let-me-in')
  })

  it('says that it may not, and not with which token', async () => {
    const opening = open({ token: 'guessed' })
    await expect(opening).rejects.toMatchObject({
      kind: 'invalid-input',
      context: { refusal: 'NotAuthorizedException' },
    })
    await expect(opening).rejects.not.toThrow(/guessed/)
    await expect(opening).rejects.toThrow(/SLUICE_REST_TOKEN/)
  })

  it('is no lake before its catalog has let it in, so an address can be corrected', async () => {
    const mistyped = { uri: `${server.url}/x`, atomicTransactions: 'marked' } as const
    await expect(open({ token: 'let-me-in' }, mistyped)).rejects.toThrow(/404/)
    await expect(open({ token: 'guessed' })).rejects.toThrow()
    expect(await readdir(join(folder, 'lake'))).toEqual([])
    await (await open({ token: 'let-me-in' })).close()
  })

  it('is no lake of its own afterwards, nor the other way round', async () => {
    await (await open({ token: 'let-me-in' })).close()
    await expect(
      open({ token: 'let-me-in' }, { uri: `${server.url}/x`, atomicTransactions: 'never' }),
    ).rejects.toThrow(/was made with the catalog at/)
    const directory = join(folder, 'own')
    await (await openLake({ ...parts, directory, createIfMissing: true })).close()
    const catalog = { uri: server.url, atomicTransactions: 'marked' } as const
    await expect(
      openLake({ ...parts, directory, createIfMissing: true, catalog }),
    ).rejects.toThrow(/was made with a catalog of its own/)
  })
})

describe('a config that names another catalog', () => {
  const smallest =
    'kafka: {brokers: ["localhost:9092"]}\nsources: [{topic: stocks, format: stock-json}]\n'

  it('gives all but the secret', () => {
    const text = `${smallest}rest_catalog: {uri: "http://c:8181/api/catalog", warehouse: w}\n`
    expect(parseConfig(text, '/etc/sluice.yaml').lakeCatalog).toEqual({
      uri: 'http://c:8181/api/catalog',
      warehouse: 'w',
      atomicTransactions: 'marked',
      oauthScope: undefined,
      oauthTokenUri: undefined,
    })
    expect(parseConfig(smallest, '/etc/sluice.yaml').lakeCatalog).toBeUndefined()
  })

  it.each([
    ['uri: ftp://c', 'rest_catalog.uri must be an http or https address'],
    ['uri: "http://c", token: secret', 'rest_catalog.token is no known key'],
    ['uri: "http://c", atomic_transactions: maybe', 'must be one of marked, advertised, never'],
  ])('is refused with {%s}', (members, problem) => {
    const text = `${smallest}rest_catalog: {${members}}\n`
    expect(() => parseConfig(text, '/etc/sluice.yaml')).toThrow(problem)
  })
})
