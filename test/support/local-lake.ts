import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { ENGINE_BESIDE_OTHERS } from './memory-lake.ts'

export interface LocalLake {
  readonly lake: Lake
  /** The lake's folder. */
  readonly directory: string
  /** Closes the lake and removes its folder. */
  close(): Promise<void>
}

/** A new lake on disk, as the commands make it. */
export async function openLocalLake(): Promise<LocalLake> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-lake-'))
  const directory = join(folder, 'lake')
  const lake = await openExistingLake(directory)
  return {
    lake,
    directory,
    close: async () => {
      await lake.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The lake in a folder, made where there is none. The caller closes it. */
export function openExistingLake(directory: string): Promise<Lake> {
  return openLake({
    ...{ directory, clock: systemClock, ids: randomIds, createIfMissing: true },
    engine: ENGINE_BESIDE_OTHERS,
  })
}
