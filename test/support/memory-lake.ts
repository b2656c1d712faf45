import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assembleLake } from '../../pipelines/lake/open-lake.ts'
import { createLakeTables } from '../../pipelines/lake/create-lake-tables.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { createMemoryCatalog } from '../../tables/catalog/memory-catalog.ts'
import { randomIds, type Clock, type IdSource } from '../../tables/clock.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createMemoryFileIO } from '../../tables/file-io/memory-file-io.ts'

/** A clock that moves only when it is told to. */
export interface TestClock extends Clock {
  advanceUs(byUs: bigint): void
  setUs(toUs: bigint): void
}

export function createTestClock(startUs: bigint): TestClock {
  let nowUs = startUs
  return {
    nowUs: () => nowUs,
    advanceUs: (byUs) => {
      nowUs += byUs
    },
    setUs: (toUs) => {
      nowUs = toUs
    },
  }
}

/**
 * For lakes of few rows in suites that run side by side: a second thread of the engine has nothing to
 * do there, and asks for work in circles while other suites want the processor.
 */
export const ENGINE_BESIDE_OTHERS: EngineLimits = { threads: 1 }

export interface MemoryLakeOptions {
  readonly clock: Clock
  readonly ids?: IdSource
  /** Wraps the store: fault injection, counting. */
  readonly wrapFileIO?: (fileIO: FileIO) => FileIO
  /** Of the tables; default 2. */
  readonly formatVersion?: 2 | 3
  /** False: over a catalog that commits one table at a time, by journals. Default true. */
  readonly isAtomic?: boolean
  /**
   * Of the engine; default 1. 2, as a lake has them on such a machine, where the order of rows from
   * two may matter.
   */
  readonly engineThreads?: number
  /** Wraps the catalog: a process that dies between two of its calls. */
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
}

/** A whole lake without a disk: what it holds is gone once it is closed. */
export async function openMemoryLake(options: MemoryLakeOptions): Promise<Lake> {
  const ids = options.ids ?? randomIds
  const scratchDir = await mkdtemp(join(tmpdir(), 'sluice-test-'))
  const memory = createMemoryFileIO({ scratchDir: join(scratchDir, 'memory') })
  const fileIO = options.wrapFileIO?.(memory) ?? memory
  const location = 'memory://lake'
  const parts = { warehouse: `${location}/warehouse`, fileIO, clock: options.clock, ids }
  const isAtomic = options.isAtomic ?? true
  const inner = isAtomic
    ? openEmbeddedCatalog({ ...parts, path: ':memory:' })
    : createMemoryCatalog({ ...parts, isAtomic })
  const catalog = options.wrapCatalog?.(inner) ?? inner
  const lake = await assembleLake({
    directory: undefined,
    location,
    fileIO,
    catalog,
    ...(isAtomic ? {} : { journalFolder: `${location}/journals` }),
    scratchDir,
    clock: options.clock,
    ids,
    engine: { ...ENGINE_BESIDE_OTHERS, threads: options.engineThreads ?? 1 },
  })
  await createLakeTables(catalog, lake.model.tables, options.formatVersion)
  return {
    ...lake,
    close: async () => {
      await lake.close()
      await rm(scratchDir, { recursive: true, force: true })
    },
  }
}
