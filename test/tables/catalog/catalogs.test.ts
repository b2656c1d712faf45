import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createMemoryCatalog } from '../../../tables/catalog/memory-catalog.ts'
import { openRestCatalog } from '../../../tables/catalog/rest-catalog.ts'
import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { testCatalog } from './catalog-conformance.ts'
import { openMemoryCatalog } from './open-test-catalog.ts'

const emptyLocation = 'memory://lake/nothing'

testCatalog('the embedded catalog', async () => {
  return { catalog: openMemoryCatalog().catalog, emptyLocation }
})

testCatalog('the memory catalog', async () => {
  return { catalog: memoryCatalog(true), emptyLocation }
})

testCatalog('a memory catalog of one table a commit', async () => {
  return { catalog: memoryCatalog(false), emptyLocation }
})

testCatalog('a REST catalog over the embedded one', async () => {
  const { catalog: embedded } = openMemoryCatalog()
  const server = await startRestServer({ catalog: embedded, port: 0 })
  const close = async (): Promise<void> => {
    await server.close()
    await embedded.close()
  }
  const catalog = await openRestCatalog({ uri: server.url, clock: systemClock })
  return { catalog, close, emptyLocation }
})

function memoryCatalog(isAtomic: boolean): ReturnType<typeof createMemoryCatalog> {
  const fileIO = createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused') })
  const parts = { fileIO, clock: systemClock, ids: randomIds, isAtomic }
  return createMemoryCatalog({ ...parts, warehouse: 'memory://lake' })
}
