import { sqlString, sqlStrings } from '../engine/sql-text.ts'
import { decodeDeletionVector, encodeDeletionVector } from '../puffin/deletion-vector.ts'
import { deletionVectorBlob, encodePuffinFile } from '../puffin/puffin-file.ts'
import { positionsOf } from '../puffin/roaring-bitmap.ts'
import type { DataFile, DeletionVector, PositionDelete } from '../spec/manifest.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { WriteContext } from './write-context.ts'
import {
  checkPositions,
  dataRoot,
  FILE_PATH_FIELD_ID,
  POSITION_FIELD_ID,
  sortedPositions,
} from './write-position-deletes.ts'
import type { DeletedPositions } from './write-position-deletes.ts'

/** Rows to delete of one data file, with all live deletes that apply to it already. */
export interface VectorDeletes extends DeletedPositions {
  readonly held: readonly (PositionDelete | DeletionVector)[]
}

interface EncodedVector {
  readonly file: DataFile
  readonly cardinality: number
  readonly blob: Uint8Array
}

const CREATED_BY = 'Sluice'

/**
 * Writes the deletion vector of each data file: the new positions and all that were deleted
 * before, since readers take the vector alone and pass over other position deletes. What is held
 * must leave the table in the same commit, but for delete files that name other data files too.
 * One Puffin file for all; none where nothing is deleted.
 * Source: https://iceberg.apache.org/spec/#deletion-vectors
 */
export async function writeDeletionVectors(
  ctx: WriteContext,
  table: TableMetadata,
  deletes: readonly VectorDeletes[],
): Promise<DeletionVector[]> {
  const vectors: EncodedVector[] = []
  for (const { file, positions, held } of deletes) {
    if (positions.length === 0) continue
    const all = sortedPositions([...positions, ...(await heldPositions(ctx, file, held))])
    checkPositions(file, all)
    vectors.push({ file, cardinality: all.length, blob: encodeDeletionVector(all) })
  }
  if (vectors.length === 0) return []
  const puffin = encodePuffinFile(
    vectors.map(({ file, cardinality, blob }) =>
      deletionVectorBlob(blob, file.filePath, cardinality),
    ),
    CREATED_BY,
  )
  const filePath = `${dataRoot(table)}/${ctx.ids.uuid()}-deletes.puffin`
  await ctx.fileIO.write(filePath, puffin.bytes)
  return vectors.map(({ file, cardinality }, index) => {
    const blob = puffin.blobs[index]
    if (blob === undefined) throw new RangeError('a Puffin file lacks a blob that it was given')
    return {
      content: 'deletion-vector',
      filePath,
      fileFormat: 'PUFFIN',
      specId: file.specId,
      partition: file.partition,
      recordCount: cardinality,
      fileSizeBytes: puffin.bytes.length,
      columnSizes: new Map(),
      valueCounts: new Map(),
      nullValueCounts: new Map(),
      nanValueCounts: new Map(),
      lowerBounds: new Map(),
      upperBounds: new Map(),
      referencedDataFile: file.filePath,
      contentOffset: blob.offset,
      contentSizeBytes: blob.length,
    }
  })
}

async function heldPositions(
  ctx: WriteContext,
  file: DataFile,
  held: readonly (PositionDelete | DeletionVector)[],
): Promise<readonly bigint[]> {
  const positions: bigint[] = []
  const paths: string[] = []
  for (const deletes of held) {
    if (deletes.content === 'position-deletes') {
      paths.push(await ctx.fileIO.localPath(deletes.filePath))
      continue
    }
    const { filePath, contentOffset: offset, contentSizeBytes: length, recordCount } = deletes
    const blob = await ctx.fileIO.read(filePath, { offset, length })
    const facts = { location: filePath, cardinality: recordCount, rowCount: file.recordCount }
    for (const position of positionsOf(decodeDeletionVector(blob, facts))) positions.push(position)
  }
  if (paths.length === 0) return positions
  const rows = await ctx.session.rows<{ pos: bigint }>(
    `SELECT pos FROM read_parquet(${sqlStrings(paths)}, hive_partitioning = false, schema = MAP {` +
      `${FILE_PATH_FIELD_ID}: {name: 'file_path', type: 'VARCHAR', default_value: NULL}, ` +
      `${POSITION_FIELD_ID}: {name: 'pos', type: 'BIGINT', default_value: NULL}}) ` +
      `WHERE file_path = ${sqlString(file.filePath)}`,
  )
  for (const { pos } of rows) positions.push(pos)
  return positions
}
