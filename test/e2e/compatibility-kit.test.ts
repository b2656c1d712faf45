import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCompatibilityKit } from '../../stack/compatibility-kit.ts'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { describeWithService } from '../support/service.ts'

await describeWithService('iceberg-java', 'the REST Compatibility Kit of Apache Iceberg', () => {
  it('passes over the embedded catalog; what it skips it skips for every catalog', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-kit-warehouse-'))
    const failures: unknown[] = []
    const catalog = openEmbeddedCatalog({
      path: join(folder, 'catalog.db'),
      warehouse: locationOfPath(join(folder, 'warehouse')),
      fileIO: createLocalFileIO(),
      clock: systemClock,
      ids: randomIds,
    })
    const server = await startRestServer({
      catalog,
      port: 0,
      onFailure: (error) => failures.push(error),
    })
    try {
      const result = await runCompatibilityKit({ uri: server.url, warehouse: catalog.name })
      expect(result).toEqual({ passedCount: 145, skippedCount: 12, failures: [] })
      expect(failures).toEqual([])
    } finally {
      await server.close()
      await catalog.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
