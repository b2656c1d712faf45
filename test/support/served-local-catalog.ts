import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedCatalog, type EmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createEngine, type Engine } from '../../tables/engine/engine.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'

/** A new catalog on the local disk, served to other engines through a fault proxy. */
export interface ServedLocalCatalog {
  readonly catalog: EmbeddedCatalog
  readonly proxy: FaultProxy
  readonly fileIO: FileIO
  /** Ours, for reading what others wrote. */
  readonly engine: Engine
  /** Ends all of it and removes the folder. */
  close(): Promise<void>
}

/** The folder's name has a space: other engines must take locations with one. */
export async function openServedLocalCatalog(): Promise<ServedLocalCatalog> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice served-'))
  const fileIO = createLocalFileIO()
  const catalog = openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    warehouse: locationOfPath(join(folder, 'warehouse')),
    fileIO,
    clock: systemClock,
    ids: randomIds,
  })
  const server = await startRestServer({ catalog, port: 0 })
  const proxy = await startFaultProxy(server.url)
  const engine = await createEngine({ scratchDir: join(folder, 'scratch') })
  return {
    catalog,
    proxy,
    fileIO,
    engine,
    close: async () => {
      await engine.close()
      await proxy.close()
      await server.close()
      await catalog.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
