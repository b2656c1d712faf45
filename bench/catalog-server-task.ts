import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openEmbeddedCatalog } from '../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { createLocalFileIO } from '../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../tables/file-io/local-location.ts'
import type { ChildSide } from './child.ts'
import { readProcessCost } from './process-cost.ts'
import type { ProcessCost } from './process-cost.ts'

export interface CatalogServerTask {
  readonly directory: string
}

/** Serves an empty catalog, says its URL, and ends with its cost at the first word it hears. */
export async function runCatalogServerTask(side: ChildSide): Promise<ProcessCost> {
  const { directory } = side.task as CatalogServerTask
  await mkdir(directory, { recursive: true })
  const ended = new Promise<void>((resolve) => side.hear(() => resolve()))
  const catalog = openEmbeddedCatalog({
    path: join(directory, 'catalog.db'),
    warehouse: locationOfPath(join(directory, 'warehouse')),
    fileIO: createLocalFileIO(),
    clock: systemClock,
    ids: randomIds,
  })
  const limits = { requestsPerSecondMax: 1_000_000 }
  const server = await startRestServer({ catalog, port: 0, limits })
  try {
    side.say(server.url)
    await ended
    return readProcessCost()
  } finally {
    await server.close()
    await catalog.close()
  }
}
