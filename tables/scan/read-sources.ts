import type { FileIO } from '../file-io/file-io.ts'
import { decodeDeletionVector } from '../puffin/deletion-vector.ts'
import type { PositionBlock } from '../puffin/roaring-bitmap.ts'
import type { ContentFile, DeletionVector } from '../spec/manifest.ts'
import { NAME_MAPPING_PROPERTY, nameMappingOf, parseNameMapping } from '../spec/name-mapping.ts'
import type { NameMapping } from '../spec/name-mapping.ts'
import type { SchemaField } from '../spec/schema.ts'
import { specById } from '../write/current-layout.ts'
import { positionDeleteFields } from './deleted-rows.ts'
import { filesOfTableNames } from './files-of-table-names.ts'
import { readFileLayouts } from './file-layout.ts'
import type { FileLayout } from './file-layout.ts'
import { fetchEach, locateFiles } from './locate-files.ts'
import type { LocatedFile } from './locate-files.ts'
import { ownSnapshots } from './own-snapshots.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'
import { isReadByEngine } from './select-files.ts'
import type { SourceFile } from './select-files.ts'
import { partitionValueSql } from './value-sql.ts'

/** What a scan reads, by location. */
export interface ScanSources {
  readonly data: ReadonlyMap<string, SourceFile>
  readonly deletes: ReadonlyMap<string, SourceFile>
  /** The positions of deletion vectors, by the location of the data file. */
  readonly vectors: ReadonlyMap<string, readonly PositionBlock[]>
}

/** Fetches the files of tasks, and learns of their columns what the fields make needed. */
export async function readSources(
  plan: ScanPlan,
  fileIO: FileIO,
  fields: readonly SchemaField[],
): Promise<ScanSources> {
  const { tasks } = plan
  const dataFiles = await locateFiles(
    tasks.map(({ file }) => file),
    fileIO,
  )
  const mapping = mappingOf(plan)
  const layouts = await dataLayouts(plan, dataFiles, fileIO, fields, mapping)
  const ofDeletes = new Map(
    tasks.flatMap(({ deletes }) => deletes.map((one) => [one.filePath, one])),
  )
  const deletes = new Map<string, SourceFile>()
  for (const [content, ids] of [
    ['equality-deletes', mapping],
    ['position-deletes', nameMappingOf({ type: 'struct', fields: positionDeleteFields })],
  ] as const) {
    const files = [...ofDeletes.values()].filter((file) => file.content === content)
    const located = await locateFiles(files, fileIO)
    const known = await readFileLayouts(located, fileIO, ids)
    for (const one of located) deletes.set(one.location, sourceOf(plan, one, known, fields))
  }
  const ofTableNames = filesOfTableNames(plan)
  const dataSource = (one: LocatedFile): SourceFile => ({
    ...sourceOf(plan, one, layouts, fields),
    hasTableNames: ofTableNames.has(one.location),
  })
  return {
    data: new Map(dataFiles.map((one) => [one.location, dataSource(one)])),
    deletes,
    vectors: await readVectors(tasks, fileIO),
  }
}

function sourceOf(
  plan: ScanPlan,
  { location, path, file }: LocatedFile,
  layouts: ReadonlyMap<string, FileLayout>,
  fields: readonly SchemaField[],
): SourceFile {
  const partitionValues = identityValues(plan, file, fields)
  return { location, path, layout: layouts.get(location), partitionValues }
}

/**
 * Most tables are spared a look into each footer. The engine finds outermost columns by field id;
 * nested ones it finds by name, so their files are looked at. A file WITHOUT ids it reads as nulls,
 * so a file of each commit is looked at, and all of the commit where that one is not as it should
 * be: engines write all files of a commit alike. Of a table with a name mapping, which is set when
 * files without ids are added, every file is looked at.
 */
async function dataLayouts(
  plan: ScanPlan,
  files: readonly LocatedFile[],
  fileIO: FileIO,
  fields: readonly SchemaField[],
  mapping: NameMapping | undefined,
): Promise<ReadonlyMap<string, FileLayout>> {
  const isNested = fields.some(({ type }) => typeof type !== 'string')
  if (isNested || mapping !== undefined) return readFileLayouts(files, fileIO, mapping)
  const own = new Set(ownSnapshots(plan.metadata).map((one) => one['snapshot-id']))
  const byCommit = new Map<bigint | null, LocatedFile[]>()
  for (const [index, task] of plan.tasks.entries()) {
    const file = files[index]
    if (file === undefined || (task.addedBy !== null && own.has(task.addedBy))) continue
    const held = byCommit.get(task.addedBy)
    if (held === undefined) byCommit.set(task.addedBy, [file])
    else held.push(file)
  }
  const samples = [...byCommit.values()].flatMap((ofCommit) => ofCommit.slice(0, 1))
  const layouts = await readFileLayouts(samples, fileIO, undefined)
  const strange = [...byCommit.values()].filter(([sample]) => {
    const source = sample === undefined ? undefined : sourceOf(plan, sample, layouts, fields)
    return source !== undefined && !fields.every((field) => isReadByEngine(source, field))
  })
  return new Map([...layouts, ...(await readFileLayouts(strange.flat(), fileIO, undefined))])
}

function mappingOf({ metadata }: ScanPlan): NameMapping | undefined {
  const text = metadata.properties[NAME_MAPPING_PROPERTY]
  return text === undefined ? undefined : parseNameMapping(text)
}

/** The values of fields that the file's own spec has as they are. */
function identityValues(
  plan: ScanPlan,
  file: ContentFile,
  fields: readonly SchemaField[],
): ReadonlyMap<number, string> {
  const values = new Map<number, string>()
  for (const part of specById(plan.metadata, file.specId).fields) {
    const value = file.partition[part.name]
    if (part.transform !== 'identity' || value === undefined) continue
    const field = fields.find(({ id }) => id === part['source-id'])
    if (field !== undefined) values.set(field.id, partitionValueSql(field, value))
  }
  return values
}

async function readVectors(
  tasks: readonly ScanTask[],
  fileIO: FileIO,
): Promise<ReadonlyMap<string, readonly PositionBlock[]>> {
  const pairs = tasks.flatMap(({ file, deletes }) =>
    deletes.flatMap((one) => (one.content === 'deletion-vector' ? [{ file, vector: one }] : [])),
  )
  const read = await fetchEach(pairs, async ({ file, vector }) => {
    const blob = await readBlob(vector, fileIO)
    const { filePath: location, recordCount: cardinality } = vector
    const facts = { location, cardinality, rowCount: file.recordCount }
    return [file.filePath, decodeDeletionVector(blob, facts)] as const
  })
  return new Map(read)
}

/** The footer is not asked: the manifest says where the blob is, and the blob has its own checks. */
async function readBlob(vector: DeletionVector, fileIO: FileIO): Promise<Uint8Array> {
  const range = { offset: vector.contentOffset, length: vector.contentSizeBytes }
  return fileIO.read(vector.filePath, range)
}
