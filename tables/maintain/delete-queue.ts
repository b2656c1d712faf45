import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { Clock } from '../clock.ts'
import { type ManifestReader, mapBounded } from '../commit/snapshot-manifests.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { createDeleteRecords, type DeleteRecords } from './delete-records.ts'
import { findUnrecorded } from './find-unrecorded.ts'
import {
  createTableReachability,
  type TableReachability,
  type UnreachableFiles,
} from './table-reachability.ts'

export interface DeleteQueueOptions {
  readonly catalog: Catalog
  readonly reader: ManifestReader
  readonly clock: Clock
  /** Every table of the lake: what one of them reaches is never deleted. */
  readonly tables: readonly TableIdentifier[]
  /** The lake's location; records lie in `<lake>/_sluice/deletes/`. */
  readonly lakeLocation: string
  /** How long a query may use an expired snapshot. */
  readonly maxQueryDurationMs?: number
  /** Another process deletes: this one only records, and leaves the records of others alone. */
  readonly onlyRecords?: boolean
}

/** What a commit left for the queue. */
export interface CommitTrace {
  readonly cutNumber: number
  /** The tables that took part, as committed. */
  readonly tables: Iterable<LoadedTable>
  /** Files of attempts that did not land. */
  readonly abandonedPaths: readonly string[]
}

/**
 * Files that commits made unreachable, deleted only when no query can use them any more.
 *
 *   commit known ─► gathered in memory ─► record in the lake ─► due ─► checked again ─► deleted
 *
 * A crash loses at most what was gathered; `start` finds it again by the metadata logs.
 */
export interface DeleteQueue {
  /** Reads the records, and finds what a dead process did not record. Call once, first. */
  start(): Promise<void>
  /** Notes a commit; the record is written every `COMMITS_PER_RECORD` commits. */
  noteCommit(trace: CommitTrace): Promise<void>
  /** Writes the record of what is gathered. Call at the end. */
  flush(): Promise<void>
  /** Deletes what is due, a bounded number of files. Answers how many files went. */
  deleteDue(): Promise<number>
  /** Records that wait in the lake. */
  readonly recordCount: number
}

/** Far fewer than the metadata log holds versions, so that a crash is made good from the log. */
const COMMITS_PER_RECORD = 8
/** Metadata files that left the log: only a reader that opens the table this moment uses them. */
const METADATA_DELAY_MS = 60_000
const MAX_QUERY_DURATION_MS = 3_600_000
const DELETES_AT_ONCE = 8
/** Files of one `deleteDue`, but for the record that passes it. */
const DELETES_PER_CALL = 1_000

export function createDeleteQueue(options: DeleteQueueOptions): DeleteQueue {
  const { fileIO } = options.reader
  const records = createRecordsOf(options)
  const tables = createReachabilityOf(options)
  let gathered = nothingGathered(0)

  const gather = ({ content, metadata }: UnreachableFiles): void => {
    gathered.content.push(...content)
    gathered.metadata.push(...metadata)
  }

  async function syncAll(): Promise<readonly LoadedTable[]> {
    const loaded: LoadedTable[] = []
    for (const identifier of options.tables) {
      const table = await options.catalog.loadTable(identifier)
      if (table === undefined) continue
      loaded.push(table)
      gather(await tables.sync(table))
    }
    return loaded
  }

  async function flush(): Promise<void> {
    const { cutNumber, content, metadata } = gathered
    gathered = nothingGathered(cutNumber)
    await records.add(cutNumber, [
      { dueUs: dueUs(options.clock, METADATA_DELAY_MS), locations: metadata },
      {
        dueUs: dueUs(options.clock, options.maxQueryDurationMs ?? MAX_QUERY_DURATION_MS),
        locations: content,
      },
    ])
  }

  return {
    async start() {
      const known = await records.load()
      const isNew = (location: string) => !known.has(location)
      for (const table of await syncAll()) {
        const missed = await tables.findUnrecorded(table)
        const metadata = missed.metadata.filter(isNew)
        gather({ content: missed.content.filter(isNew), metadata })
      }
      await flush()
    },
    async noteCommit({ cutNumber, tables: committed, abandonedPaths }) {
      for (const table of committed) gather(await tables.sync(table))
      gather({ content: abandonedPaths, metadata: [] })
      gathered.commitCount += 1
      gathered.cutNumber = cutNumber
      if (gathered.commitCount >= COMMITS_PER_RECORD) await flush()
    },
    flush,
    async deleteDue() {
      const nowUs = options.clock.nowUs()
      const due = records.due(nowUs)
      if (due.length === 0) return 0
      // What others committed meanwhile counts too: a file is judged by the newest state.
      await syncAll()
      let deletedCount = 0
      for (const queued of due) {
        if (deletedCount >= DELETES_PER_CALL) break
        const locations = await records.readDue(queued, nowUs)
        const gone = locations.filter((location) => !tables.isReachable(location))
        await mapBounded(gone, (location) => fileIO.delete(location), DELETES_AT_ONCE)
        await records.settle(queued, nowUs)
        deletedCount += gone.length
      }
      return deletedCount
    },
    get recordCount() {
      return records.count
    },
  }
}

function createRecordsOf({ reader, lakeLocation, onlyRecords }: DeleteQueueOptions): DeleteRecords {
  return createDeleteRecords(reader.fileIO, `${lakeLocation}/_sluice/deletes`, onlyRecords !== true)
}

interface Gathered {
  readonly content: string[]
  readonly metadata: string[]
  commitCount: number
  cutNumber: number
}

function nothingGathered(cutNumber: number): Gathered {
  return { content: [], metadata: [], commitCount: 0, cutNumber }
}

function dueUs(clock: Clock, delayMs: number): bigint {
  return clock.nowUs() + BigInt(delayMs) * 1000n
}

/** The reachability of all tables of the lake. */
function createReachabilityOf({ reader, tables }: DeleteQueueOptions) {
  const byKey = new Map<string, TableReachability>(
    tables.map((table) => [tableKey(table), createTableReachability(reader)]),
  )
  const nothing: UnreachableFiles = { content: [], metadata: [] }
  const of = (table: LoadedTable) => byKey.get(tableKey(table.identifier))
  return {
    sync: async (table: LoadedTable) => (await of(table)?.sync(table)) ?? nothing,
    findUnrecorded: async (table: LoadedTable) => {
      const own = of(table)
      return own === undefined ? nothing : findUnrecorded(reader, table, own)
    },
    isReachable: (location: string) =>
      [...byKey.values()].some((table) => table.isReachable(location)),
  }
}
