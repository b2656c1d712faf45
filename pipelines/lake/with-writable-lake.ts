import { resolve } from 'node:path'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import type { LakeFormatVersion } from './create-lake-tables.ts'
import { acquireLakeLock, type WriterRole } from './lake-lock.ts'
import type { LakeStores } from './lake-stores.ts'
import type { Lake } from './lake.ts'
import type { LakeSecrets } from './lake-secrets.ts'
import type { LakeCatalog } from './open-lake-catalog.ts'
import { openLake, requireLake } from './open-lake.ts'
import { serveCatalog, type CatalogAddress } from './serve-catalog.ts'

export interface WritableLakeOptions {
  readonly directory: string
  /** What the process does, for those whom the lock turns away: `sluice live`. */
  readonly purpose: string
  readonly clock: Clock
  readonly ids: IdSource
  /** As `openLake` takes it. */
  readonly model?: LakeModel | undefined
  /** Where the lake's catalog is served meanwhile; nowhere where absent. */
  readonly serve?: CatalogAddress
  /** The REST catalog that keeps the tables, where it is not the lake's own. */
  readonly catalog?: LakeCatalog | undefined
  readonly secrets?: LakeSecrets | undefined
  /** As `openLake` takes it. */
  readonly engine?: EngineLimits | undefined
  /** Where the tables are to lie; absent: as the lake was made. */
  readonly stores?: LakeStores | undefined
  /** Of tables that are made now; default 2. */
  readonly formatVersion?: LakeFormatVersion | undefined
  /** By default true. */
  readonly createIfMissing?: boolean
  /** As what it writes; default: as the only one. */
  readonly roles?: readonly WriterRole[]
}

/** A lake that no other process of the roles writes to; made where there was none. */
export interface WritableLake {
  readonly lake: Lake
  /** The folder as an absolute path. */
  readonly directory: string
  /** Undefined where the catalog is not served. */
  readonly catalogUrl: string | undefined
}

/**
 * Locks, opens and serves a lake, and gives it back in the other order whatever happens.
 * @throws SluiceError `commit-conflict` where another process holds the lake, and as `openLake`.
 */
export async function withWritableLake<T>(
  options: WritableLakeOptions,
  use: (writable: WritableLake) => Promise<T>,
): Promise<T> {
  const { purpose, clock, ids, serve, catalog, secrets } = options
  const directory = resolve(options.directory)
  const createIfMissing = options.createIfMissing ?? true
  // Without it the lock would be left in a folder that is none of ours.
  if (!createIfMissing) await requireLake(directory)
  const { roles } = options
  const lock = await acquireLakeLock({
    ...{ directory, purpose, clock, ids },
    ...(roles === undefined ? {} : { roles }),
  })
  try {
    const lake = await openLake({
      ...{ directory, clock, ids, createIfMissing, isWriter: true },
      ...{ catalog, secrets, stores: options.stores, model: options.model, engine: options.engine },
      ...(options.formatVersion === undefined ? {} : { formatVersion: options.formatVersion }),
    })
    try {
      // Tables that another catalog keeps are served by that one.
      const isServed = serve !== undefined && lake.servedCatalog !== undefined
      if (!isServed) return await use({ lake, directory, catalogUrl: catalog?.uri })
      const served = await serveCatalog(lake, serve)
      try {
        await lock.recordCatalogUrl(served.url)
        return await use({ lake, directory, catalogUrl: served.url })
      } finally {
        await served.close()
      }
    } finally {
      await lake.close()
    }
  } finally {
    await lock.release()
  }
}
