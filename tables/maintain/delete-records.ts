import { mapBounded } from '../commit/snapshot-manifests.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { isErrorKind } from '../errors.ts'
import { type DeleteGroup, decodeDeleteRecord, encodeDeleteRecord } from './delete-record.ts'

/** A record that waits in the lake. */
export interface QueuedRecord {
  readonly location: string
  readonly cutNumber: number
  readonly locationCount: number
  /** Times of the groups that are not deleted yet. */
  readonly dueUs: readonly bigint[]
}

/** The records of a lake; in memory only what tells when to read one. */
export interface DeleteRecords {
  readonly count: number
  /** Reads what is there; answers every location that waits. */
  load(): Promise<ReadonlySet<string>>
  /** Writes records of one cut, each of a bounded size. */
  add(cutNumber: number, groups: readonly DeleteGroup[]): Promise<void>
  /** Records with a group that is due. */
  due(nowUs: bigint): readonly QueuedRecord[]
  /** The locations of a record's due groups that are not deleted yet. */
  readDue(queued: QueuedRecord, nowUs: bigint): Promise<readonly string[]>
  /** Forgets the groups that are due; a record without others is removed. */
  settle(queued: QueuedRecord, nowUs: bigint): Promise<void>
}

const LOCATIONS_PER_RECORD = 2_000
/** Beyond so many records the oldest are written together, so a start reads few files. */
const RECORD_COUNT_MAX = 128
const RECORDS_MERGED = 64
const MERGED_LOCATIONS_MAX = 20_000
const DELETES_AT_ONCE = 8

/**
 * @param folder where the records lie, one JSON file each, named by their cut
 * @param mergesRecords false for a process beside the one that deletes, which holds their names
 */
export function createDeleteRecords(
  fileIO: FileIO,
  folder: string,
  mergesRecords = true,
): DeleteRecords {
  let records: readonly QueuedRecord[] = []

  async function write(cutNumber: number, groups: readonly DeleteGroup[]): Promise<QueuedRecord> {
    const location = await writeNew(cutNumber, encodeDeleteRecord({ cutNumber, groups }))
    const queued = queuedRecord(location, cutNumber, groups)
    records = [...records, queued]
    return queued
  }

  /** Never over a record that is there: another process may have written it. */
  async function writeNew(cutNumber: number, bytes: Uint8Array): Promise<string> {
    const taken = new Set(records.map((record) => record.location))
    for (let part = 1; ; part++) {
      const suffix = part === 1 ? '' : `-${part}`
      const location = `${folder}/${cutNumber}${suffix}.json`
      if (taken.has(location)) continue
      try {
        await fileIO.write(location, bytes, { ifAbsent: fileIO.capabilities.createIfAbsent })
        return location
      } catch (error) {
        if (!isErrorKind(error, 'commit-conflict')) throw error
      }
    }
  }

  async function readWaiting(queued: QueuedRecord): Promise<readonly DeleteGroup[]> {
    const { groups } = decodeDeleteRecord(queued.location, await fileIO.read(queued.location))
    return groups.filter((group) => queued.dueUs.includes(group.dueUs))
  }

  /** Writes the oldest small records as one; every group keeps its own time. */
  async function merge(): Promise<void> {
    const chosen = chooseToMerge(records)
    if (chosen.length < 2) return
    const groups = (await mapBounded(chosen, readWaiting)).flat()
    const merged = await write(chosen.at(-1)?.cutNumber ?? 0, groups)
    const gone = new Set([merged, ...chosen])
    records = [merged, ...records.filter((one) => !gone.has(one))]
    await mapBounded(chosen, (one) => fileIO.delete(one.location), DELETES_AT_ONCE)
  }

  return {
    get count() {
      return records.length
    },
    async load() {
      const read = await readAll(fileIO, folder)
      records = read.map(({ queued }) => queued)
      return new Set(read.flatMap(({ locations }) => locations))
    },
    async add(cutNumber, groups) {
      for (const part of splitGroups(groups)) await write(cutNumber, part)
      if (mergesRecords && records.length > RECORD_COUNT_MAX) await merge()
    },
    due: (nowUs) => records.filter((one) => one.dueUs.some((dueUs) => dueUs <= nowUs)),
    async readDue(queued, nowUs) {
      const groups = await readWaiting(queued)
      return groups.filter((one) => one.dueUs <= nowUs).flatMap((one) => one.locations)
    },
    async settle(queued, nowUs) {
      const dueUs = queued.dueUs.filter((one) => one > nowUs)
      if (dueUs.length === 0) await fileIO.delete(queued.location)
      records = records.flatMap((one) => {
        if (one !== queued) return [one]
        return dueUs.length === 0 ? [] : [{ ...one, dueUs }]
      })
    },
  }
}

/** Every record with its locations, oldest cut first. */
async function readAll(fileIO: FileIO, folder: string) {
  const files: string[] = []
  for await (const file of fileIO.list(`${folder}/`)) {
    if (file.location.endsWith('.json')) files.push(file.location)
  }
  const read = await mapBounded(files, async (location) => {
    const { cutNumber, groups } = decodeDeleteRecord(location, await fileIO.read(location))
    const locations = groups.flatMap((group) => group.locations)
    return { queued: queuedRecord(location, cutNumber, groups), locations }
  })
  return read.sort((a, b) => a.queued.cutNumber - b.queued.cutNumber)
}

function queuedRecord(
  location: string,
  cutNumber: number,
  groups: readonly DeleteGroup[],
): QueuedRecord {
  return {
    location,
    cutNumber,
    locationCount: groups.reduce((sum, group) => sum + group.locations.length, 0),
    dueUs: groups.map((group) => group.dueUs),
  }
}

function chooseToMerge(records: readonly QueuedRecord[]): QueuedRecord[] {
  const chosen: QueuedRecord[] = []
  let locationCount = 0
  for (const one of records) {
    if (chosen.length === RECORDS_MERGED) break
    if (locationCount + one.locationCount > MERGED_LOCATIONS_MAX) continue
    chosen.push(one)
    locationCount += one.locationCount
  }
  return chosen
}

/** The groups in parts, none of which holds a group of more than `LOCATIONS_PER_RECORD`. */
function splitGroups(groups: readonly DeleteGroup[]): DeleteGroup[][] {
  const parts: DeleteGroup[][] = []
  const longest = Math.max(0, ...groups.map((group) => group.locations.length))
  for (let from = 0; from < longest; from += LOCATIONS_PER_RECORD) {
    const part = groups.map(({ dueUs, locations }) => ({
      dueUs,
      locations: locations.slice(from, from + LOCATIONS_PER_RECORD),
    }))
    parts.push(part.filter((group) => group.locations.length > 0))
  }
  return parts
}
