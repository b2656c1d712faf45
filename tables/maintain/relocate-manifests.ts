import type { AvroValues } from '../write/avro-codec.ts'
import type { AvroRecord } from '../write/avro-schema.ts'
import { manifestIds } from '../write/manifest-list-schema.ts'
import { entryIds } from '../write/manifest-schema.ts'
import type { WriteContext } from '../write/write-context.ts'
import { FILE_PATH_FIELD_ID } from '../write/write-position-deletes.ts'
import { fieldName, innerRecord, readRawAvro } from './raw-avro.ts'
import {
  relocateDeletionVectors,
  relocatePositionDeletes,
  type RelocatedFile,
} from './relocate-deletes.ts'
import type { Relocation } from './relocation.ts'

/** Writes manifest lists, manifests and delete files anew, each one once. */
export interface ManifestRelocator {
  /** Writes a manifest list anew with all that it names; answers its new location. */
  relocateList(location: string): Promise<string>
  /** New locations by the old ones. */
  readonly locations: ReadonlyMap<string, string>
  /** By how much the live files of a list (by its old location) grew: deletes name longer paths. */
  readonly growths: ReadonlyMap<string, ListGrowth>
  readonly counts: RelocationCounts
}

/** Bytes; below zero where they shrank. */
export interface ListGrowth {
  readonly live: number
  /** Of those that a snapshot added, by its id. */
  readonly addedBy: ReadonlyMap<bigint, number>
}

export interface RelocationCounts {
  manifestLists: number
  manifests: number
  deleteFiles: number
}

export function createManifestRelocator(
  ctx: WriteContext,
  relocation: Relocation,
): ManifestRelocator {
  const { fileIO } = ctx
  const locations = new Map<string, string>()
  const counts: RelocationCounts = { manifestLists: 0, manifests: 0, deleteFiles: 0 }
  const deleteFiles = new Map<string, RelocatedFile | undefined>()
  const manifests = new Map<string, RelocatedManifest>()
  const growths = new Map<string, ListGrowth>()

  /** Undefined where the file is gone: an entry that says so may name it still. */
  async function relocateDeleteFile(deletes: DeletesOfEntry): Promise<RelocatedFile | undefined> {
    const { location } = deletes
    if (deleteFiles.has(location)) return deleteFiles.get(location)
    const isThere = (await fileIO.stat(relocation.moved(location))) !== undefined
    const file = isThere ? await relocateDeletes(ctx, deletes, relocation) : undefined
    deleteFiles.set(location, file)
    if (file === undefined) return undefined
    locations.set(location, file.location)
    counts.deleteFiles += 1
    return file
  }

  async function relocateManifest(location: string): Promise<RelocatedManifest> {
    const known = manifests.get(location)
    if (known !== undefined) return known
    const file = readRawAvro(await fileIO.read(relocation.moved(location)))
    const shape = entryShape(file.schema)
    const { records, growth } = await relocateRecords(file.records, shape, (dataFile) =>
      relocateEntry(dataFile, shape, relocation, relocateDeleteFile),
    )
    const bytes = file.encode(records)
    const target = relocation.renamed(location)
    const written = { location: target, sizeBytes: bytes.length, growth }
    await fileIO.write(target, bytes)
    manifests.set(location, written)
    locations.set(location, target)
    counts.manifests += 1
    return written
  }

  async function relocateList(location: string): Promise<string> {
    const known = locations.get(location)
    if (known !== undefined) return known
    const file = readRawAvro(await fileIO.read(relocation.moved(location)))
    const path = fieldName(file.schema, manifestIds.manifestPath, 'manifest_path')
    const length = fieldName(file.schema, manifestIds.manifestLength, 'manifest_length')
    const addedSnapshot = fieldName(file.schema, manifestIds.addedSnapshotId, 'added_snapshot_id')
    const records: AvroValues[] = []
    const growth = { live: 0, addedBy: new Map<bigint, number>() }
    for (const record of file.records) {
      const manifestPath = String(record[path])
      const moved = relocation.moved(manifestPath)
      // One outside of the lake was not moved; those of an expired snapshot may be gone.
      const isOurs = moved !== manifestPath && (await fileIO.stat(moved)) !== undefined
      if (!isOurs) records.push({ ...record, [path]: moved })
      else {
        const written = await relocateManifest(manifestPath)
        const to = { [path]: written.location, [length]: BigInt(written.sizeBytes) }
        records.push({ ...record, ...to })
        addGrowth(growth, BigInt(record[addedSnapshot] as bigint | number), written.growth)
      }
    }
    growths.set(location, growth)
    const target = relocation.renamed(location)
    await fileIO.write(target, file.encode(records))
    locations.set(location, target)
    counts.manifestLists += 1
    return target
  }

  return { relocateList, locations, growths, counts }
}

interface RelocatedManifest extends RelocatedFile {
  /** Of its live files, and of those that its own snapshot added; bytes. */
  readonly growth: { readonly live: number; readonly added: number }
}

function addGrowth(
  list: { live: number; readonly addedBy: Map<bigint, number> },
  snapshotId: bigint,
  { live, added }: RelocatedManifest['growth'],
): void {
  list.live += live
  list.addedBy.set(snapshotId, (list.addedBy.get(snapshotId) ?? 0) + added)
}

/** The records of a manifest with their files moved, and what they grew by. */
async function relocateRecords(
  old: readonly AvroValues[],
  shape: EntryShape,
  move: (dataFile: AvroValues) => Promise<AvroValues>,
): Promise<{ readonly records: AvroValues[]; readonly growth: RelocatedManifest['growth'] }> {
  const records: AvroValues[] = []
  const growth = { live: 0, added: 0 }
  for (const record of old) {
    const dataFile = record[shape.dataFile] as AvroValues
    const moved = await move(dataFile)
    records.push({ ...record, [shape.dataFile]: moved })
    const grown = grownBy(dataFile, moved, shape)
    if (record[shape.status] !== DELETED) growth.live += grown
    if (record[shape.status] === ADDED) growth.added += grown
  }
  return { records, growth }
}

/** Statuses of an entry. */
const ADDED = 1
const DELETED = 2

/** A deletion vector counts by its own bytes, which stay; the file around it does not. */
function grownBy(before: AvroValues, after: AvroValues, shape: EntryShape): number {
  const isPuffin = String(before[shape.format]).toUpperCase() === 'PUFFIN'
  return isPuffin ? 0 : Number(after[shape.size]) - Number(before[shape.size])
}

interface EntryShape {
  readonly status: string
  readonly dataFile: string
  readonly content: string
  readonly path: string
  readonly format: string
  readonly size: string
  readonly lower: string
  readonly upper: string
  readonly splitOffsets: string
  readonly referenced: string
}

function entryShape(schema: AvroRecord): EntryShape {
  const dataFile = fieldName(schema, entryIds.dataFile, 'data_file')
  const inner = innerRecord(schema, dataFile) ?? schema
  return {
    status: fieldName(schema, entryIds.status, 'status'),
    dataFile,
    content: fieldName(inner, entryIds.content, 'content'),
    path: fieldName(inner, entryIds.filePath, 'file_path'),
    format: fieldName(inner, entryIds.fileFormat, 'file_format'),
    size: fieldName(inner, entryIds.fileSizeBytes, 'file_size_in_bytes'),
    lower: fieldName(inner, entryIds.lowerBounds, 'lower_bounds'),
    upper: fieldName(inner, entryIds.upperBounds, 'upper_bounds'),
    splitOffsets: fieldName(inner, entryIds.splitOffsets, 'split_offsets'),
    referenced: fieldName(inner, entryIds.referencedDataFile, 'referenced_data_file'),
  }
}

const POSITION_DELETES = 1

/** A delete file as its manifest entry has it. */
interface DeletesOfEntry {
  readonly location: string
  readonly sizeBytes: number
  readonly isPuffin: boolean
}

function relocateDeletes(
  ctx: WriteContext,
  { location, sizeBytes, isPuffin }: DeletesOfEntry,
  relocation: Relocation,
): Promise<RelocatedFile> {
  return isPuffin
    ? relocateDeletionVectors(ctx, location, relocation)
    : relocatePositionDeletes(ctx, location, sizeBytes, relocation)
}

async function relocateEntry(
  file: AvroValues,
  shape: EntryShape,
  relocation: Relocation,
  relocateDeleteFile: (deletes: DeletesOfEntry) => Promise<RelocatedFile | undefined>,
): Promise<AvroValues> {
  const path = String(file[shape.path])
  const moved = { ...file, [shape.path]: relocation.moved(path) }
  if (file[shape.content] !== POSITION_DELETES) return moved
  const referenced = file[shape.referenced]
  const isOurs = relocation.moved(path) !== path
  const isPuffin = String(file[shape.format]).toUpperCase() === 'PUFFIN'
  const deletes = { location: path, sizeBytes: Number(file[shape.size]), isPuffin }
  const written = isOurs ? await relocateDeleteFile(deletes) : undefined
  return {
    ...moved,
    ...(typeof referenced === 'string' ? { [shape.referenced]: relocation.moved(referenced) } : {}),
    ...relocateBounds(file, shape, relocation),
    ...(written === undefined
      ? {}
      : { [shape.path]: written.location, [shape.size]: BigInt(written.sizeBytes) }),
    // Places inside of the old file.
    ...(Array.isArray(file[shape.splitOffsets]) ? { [shape.splitOffsets]: null } : {}),
  }
}

interface Bound {
  readonly key: number
  readonly value: Uint8Array
}

/** Bounds of the locations in a delete file. One that was cut too short to be moved goes. */
function relocateBounds(file: AvroValues, shape: EntryShape, relocation: Relocation): AvroValues {
  const bounds: Record<string, unknown> = {}
  for (const name of [shape.lower, shape.upper]) {
    const pairs = file[name]
    if (!Array.isArray(pairs)) continue
    bounds[name] = (pairs as readonly Bound[]).flatMap((bound) => {
      if (bound.key !== FILE_PATH_FIELD_ID) return [bound]
      const text = Buffer.from(bound.value).toString('utf8')
      const moved = relocation.moved(text)
      return moved === text ? [] : [{ ...bound, value: Buffer.from(moved, 'utf8') }]
    })
  }
  return bounds
}
