import type { FileIO } from './file-io.ts'
import { fileNameOf } from './location.ts'

/** What a file is, by its name. `data` holds delete files too: their names do not differ. */
export const fileKinds = ['table-metadata', 'manifest-list', 'manifest', 'data', 'other'] as const

export type FileKind = (typeof fileKinds)[number]

export interface FileCounts {
  /** Whole and ranged reads, and local paths handed to the engine. */
  readonly openCount: number
  /** Bytes that `read` returned. What the engine reads by a local path is not in it. */
  readonly bytesRead: number
  readonly writeCount: number
  /** Bytes written and adopted. */
  readonly bytesWritten: number
  readonly deleteCount: number
  /** Questions whether the file is there. */
  readonly statCount: number
}

export interface CountingFileIO extends FileIO {
  /** Counts since the start or the last `resetCounts`, by kind of file. */
  counts(): Readonly<Record<FileKind, FileCounts>>
  resetCounts(): void
}

const noCounts: FileCounts = {
  openCount: 0,
  bytesRead: 0,
  writeCount: 0,
  bytesWritten: 0,
  deleteCount: 0,
  statCount: 0,
}

/** The kind of the file at a location, by the names that Iceberg writers give. */
export function fileKindOf(location: string): FileKind {
  const name = fileNameOf(location)
  if (name.endsWith('.metadata.json')) return 'table-metadata'
  if (name.endsWith('.avro')) return name.startsWith('snap-') ? 'manifest-list' : 'manifest'
  if (name.endsWith('.parquet')) return 'data'
  return 'other'
}

/** Wraps a FileIO and counts what goes through it; only what succeeded counts. */
export function createCountingFileIO(inner: FileIO): CountingFileIO {
  let counts = emptyCounts()

  function add(location: string, change: Partial<FileCounts>): void {
    const kind = fileKindOf(location)
    const before = counts[kind]
    counts[kind] = {
      openCount: before.openCount + (change.openCount ?? 0),
      bytesRead: before.bytesRead + (change.bytesRead ?? 0),
      writeCount: before.writeCount + (change.writeCount ?? 0),
      bytesWritten: before.bytesWritten + (change.bytesWritten ?? 0),
      deleteCount: before.deleteCount + (change.deleteCount ?? 0),
      statCount: before.statCount + (change.statCount ?? 0),
    }
  }

  return {
    schemes: inner.schemes,
    capabilities: inner.capabilities,
    counts: () => ({ ...counts }),
    resetCounts: () => {
      counts = emptyCounts()
    },
    read: async (location, range) => {
      const bytes = await inner.read(location, range)
      add(location, { openCount: 1, bytesRead: bytes.length })
      return bytes
    },
    write: async (location, bytes, options) => {
      await inner.write(location, bytes, options)
      add(location, { writeCount: 1, bytesWritten: bytes.length })
    },
    adopt: async (localPath, location) => {
      const adopted = await inner.adopt(localPath, location)
      add(location, { writeCount: 1, bytesWritten: adopted.sizeBytes })
      return adopted
    },
    delete: async (location) => {
      await inner.delete(location)
      add(location, { deleteCount: 1 })
    },
    stat: async (location) => {
      const found = await inner.stat(location)
      add(location, { statCount: 1 })
      return found
    },
    list: (prefix) => inner.list(prefix),
    localPath: async (location, sizeBytes) => {
      const path = await inner.localPath(location, sizeBytes)
      add(location, { openCount: 1 })
      return path
    },
  }
}

function emptyCounts(): Record<FileKind, FileCounts> {
  return {
    'table-metadata': noCounts,
    'manifest-list': noCounts,
    manifest: noCounts,
    data: noCounts,
    other: noCounts,
  }
}
