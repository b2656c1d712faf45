import type { CompactionGroup } from '../../../tables/maintain/plan-compaction.ts'
import type { ScanTask } from '../../../tables/scan/plan-scan.ts'
import type { DataFile, PositionDelete } from '../../../tables/spec/manifest.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { IdSource } from '../../../tables/clock.ts'
import { makeDataFile } from '../../support/data-file.ts'

/** Wednesday, 15 January 2025, as day and as month since 1970: every fake file is of this day. */
export const FAKE_DAY = Date.UTC(2025, 0, 15) / 86_400_000
const FAKE_MONTH = (2025 - 1970) * 12

export interface FakeFileFacts {
  readonly recordCount: number
  readonly sizeBytes: number
  readonly namePrefix?: string
}

/** A data file of the fake day that is a name and some numbers: commits never open data files. */
export function fakeFile(ids: IdSource, table: TableMetadata, facts: FakeFileFacts): DataFile {
  const spec = table['partition-specs'].at(-1)
  const partition = (spec?.fields ?? []).map(({ name, transform }): [string, number] => [
    name,
    transform === 'month' ? FAKE_MONTH : FAKE_DAY,
  ])
  const name = `${facts.namePrefix ?? ''}${ids.uuid()}.parquet`
  return makeDataFile(`${table.location}/data/${name}`, {
    specId: table['default-spec-id'],
    partition: Object.fromEntries(partition),
    recordCount: facts.recordCount,
    fileSizeBytes: facts.sizeBytes,
  })
}

/** A position delete file of one row that names one data file. */
export function fakeDelete(ids: IdSource, table: TableMetadata, of: DataFile): PositionDelete {
  const file = fakeFile(ids, table, { recordCount: 1, sizeBytes: 1_000 })
  return { ...file, content: 'position-deletes', referencedDataFile: of.filePath }
}

/** The one file that a group becomes: its rows without the deleted ones. */
export function fakeRewrite(
  ids: IdSource,
  table: TableMetadata,
  group: CompactionGroup<ScanTask>,
): readonly DataFile[] {
  let recordCount = 0
  let sizeBytes = 0
  for (const { file, deletes } of group.files) {
    recordCount += file.recordCount - deletes.length
    sizeBytes += file.fileSizeBytes
  }
  return [fakeFile(ids, table, { recordCount, sizeBytes })]
}
