import { encodeDeletionVector } from '../puffin/deletion-vector.ts'
import { deletionVectorBlob, encodePuffinFile } from '../puffin/puffin-file.ts'
import type { DataFile, DeletionVector } from '../spec/manifest.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { WriteContext } from './write-context.ts'
import { checkPositions, dataRoot, sortedPositions } from './write-position-deletes.ts'
import type { DeletedPositions } from './write-position-deletes.ts'

/** Rows to delete of one data file, and every row of it that is deleted already. */
export interface VectorDeletes extends DeletedPositions {
  readonly held: readonly bigint[]
}

interface EncodedVector {
  readonly file: DataFile
  readonly cardinality: number
  readonly blob: Uint8Array
}

const CREATED_BY = 'Sluice'

/**
 * Writes the deletion vector of each data file: the new positions and all that were deleted
 * before, since readers take the vector alone and pass over other position deletes. The deletes
 * that held these must leave the table in the same commit, but for delete files that name other data files too.
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
    const all = sortedPositions([...positions, ...held])
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
