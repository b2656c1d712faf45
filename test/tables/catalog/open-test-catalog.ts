import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type EmbeddedCatalog,
  openEmbeddedCatalog,
} from '../../../tables/catalog/embedded-catalog.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { sampleSchema } from '../commit/sample-table.ts'

export const trades = tableId('market.trades')
export const quotes = tableId('market.quotes')

/** A catalog in memory over a FileIO that may be wrapped (to fail, or to count). */
export function openMemoryCatalog(wrap: (fileIO: FileIO) => FileIO = (inner) => inner): {
  readonly catalog: EmbeddedCatalog
  readonly fileIO: FileIO
} {
  const fileIO = wrap(createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused') }))
  const catalog = openEmbeddedCatalog({
    path: ':memory:',
    warehouse: 'memory://lake',
    fileIO,
    clock: systemClock,
    ids: randomIds,
  })
  return { catalog, fileIO }
}

/** A catalog on disk; call it again with the same folder for a second one over the same file. */
export function openDiskCatalog(
  folder: string,
  wrap: (fileIO: FileIO) => FileIO = (inner) => inner,
): EmbeddedCatalog {
  return openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    warehouse: locationOfPath(join(folder, 'warehouse')),
    fileIO: wrap(createLocalFileIO()),
    clock: systemClock,
    ids: randomIds,
  })
}

/** Namespace `market` with the tables `trades` and `quotes`. */
export async function createSampleTables(catalog: EmbeddedCatalog): Promise<void> {
  await catalog.createNamespace(['market'])
  await catalog.createTable(trades, { schema: sampleSchema })
  await catalog.createTable(quotes, { schema: sampleSchema })
}

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-catalog-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function filesBelow(fileIO: FileIO, prefix: string): Promise<readonly string[]> {
  const locations: string[] = []
  for await (const file of fileIO.list(prefix)) locations.push(file.location)
  return locations.sort()
}
