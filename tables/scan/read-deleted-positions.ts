import type { Session } from '../engine/engine.ts'
import { sqlString } from '../engine/sql-text.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { decodeDeletionVector } from '../puffin/deletion-vector.ts'
import { positionsOf } from '../puffin/roaring-bitmap.ts'
import type { ContentFile, DataFile, DeletionVector, PositionDelete } from '../spec/manifest.ts'
import { nameMappingOf } from '../spec/name-mapping.ts'
import { positionDeleteFields } from './deleted-rows.ts'
import { readFileLayouts } from './file-layout.ts'
import { locateFiles } from './locate-files.ts'
import { selectFiles } from './select-files.ts'

/**
 * Every position that live deletes took out of one data file. `held` are the deletes that apply
 * to it; those that name other files too are asked for this one alone.
 * Throws `corrupt-data` for a delete file that is missing or not what its manifest says.
 */
export async function readDeletedPositions(
  { session, fileIO }: { readonly session: Session; readonly fileIO: FileIO },
  file: DataFile,
  held: readonly (PositionDelete | DeletionVector)[],
): Promise<readonly bigint[]> {
  const positions: bigint[] = []
  const files = held.filter((one) => one.content === 'position-deletes')
  for (const one of held) {
    if (one.content === 'position-deletes') continue
    const { filePath, contentOffset: offset, contentSizeBytes: length, recordCount } = one
    const blob = await fileIO.read(filePath, { offset, length })
    const facts = { location: filePath, cardinality: recordCount, rowCount: file.recordCount }
    for (const position of positionsOf(decodeDeletionVector(blob, facts))) positions.push(position)
  }
  if (files.length === 0) return positions
  const rows = await session.rows<{ pos: bigint }>(
    `SELECT pos FROM (${await positionDeletesSql(files, fileIO)}) ` +
      `WHERE path = ${sqlString(file.filePath)}`,
  )
  for (const { pos } of rows) positions.push(pos)
  return positions
}

/** A SELECT of all rows of position delete files: `path` of the data file, and `pos`. */
export async function positionDeletesSql(
  files: readonly Pick<ContentFile, 'filePath' | 'fileSizeBytes'>[],
  fileIO: FileIO,
): Promise<string> {
  const located = await locateFiles(files, fileIO)
  // Some writers leave the ids out that the format gives these columns; their names are its too.
  const mapping = nameMappingOf({ type: 'struct', fields: positionDeleteFields })
  const layouts = await readFileLayouts(located, fileIO, mapping)
  const sources = located.map(({ location, path }) => {
    return { location, path, layout: layouts.get(location), partitionValues: new Map() }
  })
  return selectFiles(sources, positionDeleteFields, false).join(' UNION ALL ')
}
