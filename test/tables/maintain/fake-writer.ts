import type { WriteGroup } from '../../../tables/maintain/rewrite-data-files.ts'
import { type CommitLake, dataFile } from '../commit/commit-lake.ts'

/** Writes a group as one name: commits never open data files. Each delete names one row. */
export function fakeWriter(lake: CommitLake): WriteGroup {
  return (_metadata, _plan, group) => {
    const sum = (of: (one: (typeof group.files)[number]) => number) =>
      group.files.reduce((total, one) => total + of(one), 0)
    const recordCount = sum((one) => one.file.recordCount - one.deletes.length)
    const sizeBytes = sum((one) => one.file.fileSizeBytes)
    const name = `rewritten/${lake.context.ids.uuid()}`
    return Promise.resolve([dataFile(name, { recordCount, sizeBytes })])
  }
}
