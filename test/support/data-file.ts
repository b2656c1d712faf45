import type { DataFile } from '../../tables/spec/manifest.ts'

/** What a test says of a data file; all else is the least that a manifest can hold. */
export type DataFileFacts = Partial<Omit<DataFile, 'content' | 'filePath'>>

/** A data file that is a name and some facts: one row, one byte, no metrics, no partition. */
export function makeDataFile(filePath: string, facts: DataFileFacts = {}): DataFile {
  return {
    content: 'data',
    filePath,
    fileFormat: 'PARQUET',
    specId: 0,
    partition: {},
    recordCount: 1,
    fileSizeBytes: 1,
    columnSizes: new Map(),
    valueCounts: new Map(),
    nullValueCounts: new Map(),
    nanValueCounts: new Map(),
    lowerBounds: new Map(),
    upperBounds: new Map(),
    ...facts,
  }
}
