import { sqlString } from '../engine/sql-text.ts'
import { BLOCK_SIZE } from '../puffin/roaring-bitmap.ts'
import type { PositionBlock } from '../puffin/roaring-bitmap.ts'
import type { PositionDelete } from '../spec/manifest.ts'
import { FILE_PATH_FIELD_ID, POSITION_FIELD_ID } from '../write/write-position-deletes.ts'
import { readColumn, selectFiles } from './select-files.ts'
import type { ReadColumn, SourceFile } from './select-files.ts'

/** The columns of a position delete file. */
export const positionDeleteFields: readonly ReadColumn[] = [
  readColumn({ id: FILE_PATH_FIELD_ID, name: 'file_path', required: true, type: 'string' }, 'path'),
  readColumn({ id: POSITION_FIELD_ID, name: 'pos', required: true, type: 'long' }, 'pos'),
]

/** What takes rows out of one data file by their place. */
export interface PlaceDeletes {
  readonly path: string
  readonly location: string
  readonly positionDeletes: readonly PositionDelete[]
  /** The deletion vector, decoded. */
  readonly blocks: readonly PositionBlock[]
}

/** Above this many of a block's rows its bits are shorter text than its numbers. */
const LISTED_MAX = 1500

/**
 * A SELECT of the deleted rows: local path of the data file, position. A delete file counts only
 * for the data files that the plan paired it with: another file of the same name may be newer.
 * `sources` has the delete files by location.
 */
export function deletedRowsSql(
  deletes: readonly PlaceDeletes[],
  sources: ReadonlyMap<string, SourceFile>,
): string {
  return [...pairedRows(deletes, sources), ...listedRows(deletes), ...bitRows(deletes)].join(
    ' UNION ALL ',
  )
}

function pairedRows(
  deletes: readonly PlaceDeletes[],
  sources: ReadonlyMap<string, SourceFile>,
): readonly string[] {
  const files = new Map<string, SourceFile>()
  const pairs: string[] = []
  for (const { path, location, positionDeletes } of deletes) {
    for (const { filePath } of positionDeletes) {
      const source = sources.get(filePath)
      if (source === undefined) throw new RangeError(`${filePath} was not fetched`)
      files.set(filePath, source)
      pairs.push(`(${[source.path, path, location].map(sqlString).join(', ')})`)
    }
  }
  if (pairs.length === 0) return []
  const rows = selectFiles([...files.values()], positionDeleteFields, true).join(' UNION ALL ')
  return [
    `SELECT pairs.data_path AS path, rows.pos ` +
      `FROM (${rows}) AS rows ` +
      `JOIN (VALUES ${pairs.join(', ')}) AS pairs(delete_path, data_path, location) ` +
      'ON rows.filename = pairs.delete_path ' +
      `AND rows.path = pairs.location`,
  ]
}

/** Few rows of a block as numbers, in one text a file: a list of literals takes long to parse. */
function listedRows(deletes: readonly PlaceDeletes[]): readonly string[] {
  const rows = deletes.flatMap(({ path, blocks }) => {
    const positions = blocks
      .filter(({ lows }) => lows.length <= LISTED_MAX)
      .flatMap(({ base, lows }) => Array.from(lows, (low) => base + BigInt(low)))
    return positions.length === 0 ? [] : [`(${sqlString(path)}, '[${positions.join(',')}]')`]
  })
  if (rows.length === 0) return []
  return [
    'SELECT listed.path, unnest(CAST(listed.positions AS BIGINT[])) AS pos ' +
      `FROM (VALUES ${rows.join(', ')}) AS listed(path, positions)`,
  ]
}

/** Many rows of a block as a set of bits: 11 KB of text stand for up to 65,536 of them. */
function bitRows(deletes: readonly PlaceDeletes[]): readonly string[] {
  const rows = deletes.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ lows }) => lows.length > LISTED_MAX)
      .map(({ base, lows }) => `(${sqlString(path)}, ${base}, '${bitText(lows)}')`),
  )
  if (rows.length === 0) return []
  return [
    'SELECT blocks.path, CAST(blocks.base AS BIGINT) + lows.low AS pos ' +
      'FROM (SELECT path, base, CAST(from_base64(bit_text) AS BIT) AS bits ' +
      `FROM (VALUES ${rows.join(', ')}) AS texts(path, base, bit_text)) AS blocks, ` +
      `range(${BLOCK_SIZE}) AS lows(low) WHERE get_bit(blocks.bits, CAST(lows.low AS INT)) = 1`,
  ]
}

/** The engine counts bits from the highest of the first byte. */
function bitText(lows: Uint16Array): string {
  const bits = Buffer.alloc(BLOCK_SIZE / 8)
  for (const low of lows) bits[low >> 3] = (bits[low >> 3] ?? 0) | (0x80 >> (low & 7))
  return bits.toString('base64')
}
