import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { Clock } from '../clock.ts'
import { type ManifestReader, mapBounded } from '../commit/snapshot-manifests.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { type DeleteGroup, decodeDeleteRecord, encodeDeleteRecord } from './delete-record.ts'
import { findUnrecorded } from './find-unrecorded.ts'
import { createTableReachability, type TableReachability } from './table-reachability.ts'

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
const LOCATIONS_PER_RECORD = 2_000
/** Beyond so many records, the oldest are written together. */
const RECORD_COUNT_MAX = 128
const RECORDS_MERGED = 64
const MERGED_LOCATIONS_MAX = 20_000

interface QueuedRecord {
  readonly location: string
  readonly cutNumber: number
  readonly locationCount: number
  /** Times of the groups that are not deleted yet. */
  readonly dueUs: readonly bigint[]
}

export function createDeleteQueue(options: DeleteQueueOptions): DeleteQueue {
  const { fileIO } = options.reader
  const folder = `${options.lakeLocation}/_sluice/deletes`
  const contentDelayUs = BigInt(options.maxQueryDurationMs ?? MAX_QUERY_DURATION_MS) * 1000n
  const metadataDelayUs = BigInt(METADATA_DELAY_MS) * 1000n
  const reachability = new Map<string, TableReachability>(
    options.tables.map((table) => [tableKey(table), createTableReachability(options.reader)]),
  )
  let records: QueuedRecord[] = []
  let gathered = { content: [] as string[], metadata: [] as string[], commitCount: 0, cutNumber: 0 }
  const isReachable = (location: string) =>
    [...reachability.values()].some((table) => table.isReachable(location))

  async function writeRecord(cutNumber: number, groups: readonly DeleteGroup[]): Promise<void> {
    const taken = new Set(records.map((record) => record.location))
    let location = `${folder}/${cutNumber}.json`
    for (let part = 2; taken.has(location); part++) location = `${folder}/${cutNumber}-${part}.json`
    await fileIO.write(location, encodeDeleteRecord({ cutNumber, groups }))
    const locationCount = groups.reduce((sum, group) => sum + group.locations.length, 0)
    records.push({ location, cutNumber, locationCount, dueUs: groups.map((group) => group.dueUs) })
  }

  async function record(
    cutNumber: number,
    content: readonly string[],
    metadata: readonly string[],
  ): Promise<void> {
    const nowUs = options.clock.nowUs()
    for (let from = 0; from < Math.max(content.length, metadata.length);) {
      const until = from + LOCATIONS_PER_RECORD
      const groups = [
        { dueUs: nowUs + metadataDelayUs, locations: metadata.slice(from, until) },
        { dueUs: nowUs + contentDelayUs, locations: content.slice(from, until) },
      ].filter((group) => group.locations.length > 0)
      await writeRecord(cutNumber, groups)
      from = until
    }
    if (records.length > RECORD_COUNT_MAX) await mergeRecords()
  }

  async function readGroups(queued: QueuedRecord): Promise<readonly DeleteGroup[]> {
    return decodeDeleteRecord(queued.location, await fileIO.read(queued.location)).groups
  }

  /** Writes the oldest small records as one, due when the last of them is. */
  async function mergeRecords(): Promise<void> {
    const chosen: QueuedRecord[] = []
    let locationCount = 0
    for (const one of records) {
      if (chosen.length === RECORDS_MERGED) break
      if (locationCount + one.locationCount > MERGED_LOCATIONS_MAX) continue
      chosen.push(one)
      locationCount += one.locationCount
    }
    if (chosen.length < 2) return
    const groups = (await mapBounded(chosen, readGroups)).flat()
    const locations = [...new Set(groups.flatMap((group) => group.locations))]
    const dueUs = groups.reduce((max, group) => (group.dueUs > max ? group.dueUs : max), 0n)
    await writeRecord(chosen.at(-1)?.cutNumber ?? 0, [{ dueUs, locations }])
    const merged = records.at(-1)
    const gone = new Set(chosen)
    records = [
      ...(merged === undefined ? [] : [merged]),
      ...records.filter((one) => one !== merged && !gone.has(one)),
    ]
    await mapBounded(chosen, (one) => fileIO.delete(one.location), DELETES_AT_ONCE)
  }

  async function syncAll(): Promise<readonly LoadedTable[]> {
    const loaded: LoadedTable[] = []
    for (const identifier of options.tables) {
      const table = await options.catalog.loadTable(identifier)
      if (table === undefined) continue
      loaded.push(table)
      await gather([table])
    }
    return loaded
  }

  async function gather(tables: Iterable<LoadedTable>): Promise<void> {
    for (const table of tables) {
      const unreachable = await reachability.get(tableKey(table.identifier))?.sync(table)
      gathered.content.push(...(unreachable?.content ?? []))
      gathered.metadata.push(...(unreachable?.metadata ?? []))
    }
  }

  async function flush(): Promise<void> {
    const { cutNumber, content, metadata } = gathered
    gathered = { content: [], metadata: [], commitCount: 0, cutNumber }
    if (content.length > 0 || metadata.length > 0) await record(cutNumber, content, metadata)
  }

  async function loadRecords(): Promise<ReadonlySet<string>> {
    const locations: string[] = []
    for await (const file of fileIO.list(`${folder}/`)) {
      if (file.location.endsWith('.json')) locations.push(file.location)
    }
    const known = new Set<string>()
    records = await mapBounded(locations, async (location): Promise<QueuedRecord> => {
      const { cutNumber, groups } = decodeDeleteRecord(location, await fileIO.read(location))
      const all = groups.flatMap((group) => group.locations)
      for (const one of all) known.add(one)
      const dueUs = groups.map((group) => group.dueUs)
      return { location, cutNumber, locationCount: all.length, dueUs }
    })
    records.sort((a, b) => a.cutNumber - b.cutNumber)
    return known
  }

  async function deleteGroups(queued: QueuedRecord, nowUs: bigint): Promise<number> {
    const groups = await readGroups(queued)
    const due = groups.filter((one) => one.dueUs <= nowUs && queued.dueUs.includes(one.dueUs))
    const locations = due.flatMap((group) => group.locations).filter((one) => !isReachable(one))
    await mapBounded(locations, (location) => fileIO.delete(location), DELETES_AT_ONCE)
    const dueUs = queued.dueUs.filter((one) => one > nowUs)
    if (dueUs.length === 0) await fileIO.delete(queued.location)
    records = records.flatMap((one) => {
      if (one !== queued) return [one]
      return dueUs.length === 0 ? [] : [{ ...one, dueUs }]
    })
    return locations.length
  }

  return {
    async start() {
      const known = await loadRecords()
      for (const table of await syncAll()) {
        const own = reachability.get(tableKey(table.identifier))
        if (own === undefined) continue
        const missed = await findUnrecorded(options.reader, table, own)
        const isNew = (location: string) => !known.has(location) && !isReachable(location)
        gathered.content.push(...missed.content.filter(isNew))
        gathered.metadata.push(...missed.metadata.filter(isNew))
      }
      gathered.cutNumber = records.at(-1)?.cutNumber ?? 0
      await flush()
    },
    async noteCommit({ cutNumber, tables, abandonedPaths }) {
      await gather(tables)
      gathered.content.push(...abandonedPaths)
      gathered.commitCount += 1
      gathered.cutNumber = cutNumber
      if (gathered.commitCount >= COMMITS_PER_RECORD) await flush()
    },
    flush,
    async deleteDue() {
      const nowUs = options.clock.nowUs()
      const due = records.filter((one) => one.dueUs.some((dueUs) => dueUs <= nowUs))
      if (due.length === 0) return 0
      // What others committed meanwhile counts too: a file is judged by the newest state.
      await syncAll()
      let deletedCount = 0
      for (const queued of due) {
        if (deletedCount >= DELETES_PER_CALL) break
        deletedCount += await deleteGroups(queued, nowUs)
      }
      return deletedCount
    },
    get recordCount() {
      return records.length
    },
  }
}
