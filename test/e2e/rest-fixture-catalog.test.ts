import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type RestFixture, startRestFixture } from '../../stack/iceberg-java.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import { openRestCatalog } from '../../tables/catalog/rest-catalog.ts'
import { systemClock } from '../../tables/clock.ts'
import { describeWithService } from '../support/service.ts'
import { testCatalog } from '../tables/catalog/catalog-conformance.ts'

await describeWithService('iceberg-java', 'over the reference REST server', () => {
  let folder = ''
  let fixture: RestFixture

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-fixture-'))
    // By itself it makes namespaces as it makes tables; no catalog of a lake does.
    const properties = { 'jdbc.strict-mode': 'true' }
    fixture = await startRestFixture({ warehouse: `file://${folder}`, properties })
  })
  afterAll(async () => {
    await fixture.stop()
    await rm(folder, { recursive: true, force: true })
  })

  testCatalog('the REST catalog', async () => {
    const catalog = await openRestCatalog({ uri: fixture.uri, clock: systemClock })
    await dropAll(catalog)
    return { catalog, emptyLocation: `file://${folder}/nothing`, takesAnyName: false }
  })

  it('is not taken for atomic, though it lists transactions', async () => {
    const open = (atomicTransactions?: 'advertised' | 'never') => {
      const mode = atomicTransactions === undefined ? {} : { atomicTransactions }
      return openRestCatalog({ uri: fixture.uri, clock: systemClock, ...mode })
    }
    expect((await open()).capabilities.atomicMultiTable).toBe(false)
    expect((await open('never')).capabilities.atomicMultiTable).toBe(false)
    expect((await open('advertised')).capabilities.atomicMultiTable).toBe(true)
  })
})

/** One server serves every test; each begins with nothing in it. */
async function dropAll(catalog: Catalog): Promise<void> {
  const namespaces = [...(await catalog.listNamespaces())]
  for (const namespace of namespaces.sort((a, b) => b.length - a.length)) {
    for (const table of await catalog.listTables(namespace)) await catalog.dropTable(table)
    for (const view of (await catalog.views?.listViews(namespace)) ?? []) {
      await catalog.views?.dropView(view)
    }
    await catalog.dropNamespace(namespace)
  }
}
