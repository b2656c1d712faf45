import { isDeepStrictEqual } from 'node:util'
import type { LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { fetchEach } from '../scan/locate-files.ts'
import { readParquetColumns, type ParquetColumn } from '../scan/parquet-schema.ts'
import { planScan } from '../scan/plan-scan.ts'
import type { DataFile } from '../spec/manifest.ts'
import type { Schema } from '../spec/schema.ts'
import { tableKey } from '../spec/table-identifier.ts'
import { currentSchema, defaultSortOrder, defaultSpec } from '../write/current-layout.ts'
import type { ManifestReader } from './snapshot-manifests.ts'

/**
 * The live files of a twin (`createTwinTable`) as files of its original, for a change to add. Not a
 * byte of them is written again: they stay where they are.
 *
 * Readers find the columns of a file by field ids, so each footer is looked at: a file without
 * them, or with others, would be read as nulls.
 * @throws SluiceError `unsupported` where the layouts differ by now, where rows of the twin were
 * deleted, and for a file that has not exactly the table's columns.
 */
export async function adoptTwinFiles(
  reader: ManifestReader,
  original: LoadedTable,
  twin: LoadedTable,
): Promise<readonly DataFile[]> {
  checkLayouts(original, twin)
  const { metadata } = original
  const plan = await planScan({ fileIO: reader.fileIO, metadata: twin.metadata })
  const twinOrder = defaultSortOrder(twin.metadata)['order-id']
  const order = defaultSortOrder(metadata)['order-id']
  return fetchEach(plan.tasks, async ({ file, deletes }): Promise<DataFile> => {
    if (deletes.length > 0) throw refused(original, `rows of ${file.filePath} were deleted`)
    await checkColumns(reader, original, file)
    const { firstRowId: _, sortOrderId, ...rest } = file
    return {
      ...rest,
      specId: metadata['default-spec-id'],
      ...(sortOrderId === twinOrder && twinOrder > 0 ? { sortOrderId: order } : {}),
    }
  })
}

function checkLayouts(original: LoadedTable, twin: LoadedTable): void {
  const [ours, theirs] = [original.metadata, twin.metadata]
  const isSame =
    isDeepStrictEqual(shapeOf(currentSchema(ours)), shapeOf(currentSchema(theirs))) &&
    isDeepStrictEqual(defaultSpec(ours).fields, defaultSpec(theirs).fields) &&
    ours['format-version'] === theirs['format-version']
  if (!isSame) throw refused(original, 'its columns or partitions were changed meanwhile')
}

function shapeOf({ fields }: Schema): readonly unknown[] {
  return fields.map(({ id, name, type, required }) => [id, name, type, required])
}

async function checkColumns(
  { fileIO }: ManifestReader,
  original: LoadedTable,
  { filePath, fileSizeBytes, partition, specId }: DataFile,
): Promise<void> {
  const read = (start: number, end: number) =>
    fileIO.read(filePath, { offset: start, length: end - start })
  const columns = await readParquetColumns({ sizeBytes: fileSizeBytes, read }, filePath)
  const wanted = currentSchema(original.metadata).fields.map(({ id, name }) => `${id} ${name}`)
  const found = columns.map(idAndName)
  if (!isDeepStrictEqual(found.sort(), wanted.sort())) {
    throw refused(original, `${filePath} has the columns ${found.join(', ')}`)
  }
  const names = defaultSpec(original.metadata).fields.map(({ name }) => name)
  if (names.every((name) => name in partition)) return
  throw refused(original, `${filePath} was written by partition spec ${specId}`)
}

function idAndName({ fieldId, name }: ParquetColumn): string {
  return `${fieldId ?? 'no id'} ${name}`
}

function refused(original: LoadedTable, why: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `Files that another engine made for ${tableKey(original.identifier)} cannot be taken over: ` +
      `${why}. No file was. Start again.`,
  )
}
