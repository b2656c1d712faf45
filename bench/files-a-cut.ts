import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import type { Measurement } from './benchmark.ts'

/**
 * How many files a young lake has for each of its cuts: data, deletes, manifests, lists and table
 * metadata. Nothing is deleted in the first hour, so what lies there is what was written.
 */
export async function filesACut(directory: string, cuts: number): Promise<Measurement> {
  const lake = await openLake({
    ...{ directory, clock: systemClock, ids: randomIds, createIfMissing: false },
  })
  try {
    const { catalog, fileIO } = lake
    let fileCount = 0
    for (const namespace of await catalog.listNamespaces()) {
      const location = (await catalog.loadNamespace(namespace))?.['location']
      const files = fileIO.list(`${location}/`)[Symbol.asyncIterator]()
      while ((await files.next()).done !== true) fileCount += 1
    }
    const facts = { files: fileCount, cuts }
    return { name: 'files written a cut', value: fileCount / cuts, unit: 'files', facts }
  } finally {
    await lake.close()
  }
}
