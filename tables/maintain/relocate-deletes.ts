import { sqlString } from '../engine/sql-text.ts'
import type { SchemaField } from '../spec/schema.ts'
import { readPuffinFooter } from '../puffin/puffin-file.ts'
import { parseJson, stringifyJson } from '../spec/json.ts'
import { positionDeletesSql } from '../scan/read-deleted-positions.ts'
import { copyToParquet } from '../write/copy-to-parquet.ts'
import { FILE_PATH_FIELD_ID, POSITION_FIELD_ID } from '../write/write-position-deletes.ts'
import type { WriteContext } from '../write/write-context.ts'
import type { Relocation } from './relocation.ts'

/** A delete file that was written anew. */
export interface RelocatedFile {
  readonly location: string
  readonly sizeBytes: number
}

const deleteFields: readonly SchemaField[] = [
  { id: FILE_PATH_FIELD_ID, name: 'file_path', required: true, type: 'string' },
  { id: POSITION_FIELD_ID, name: 'pos', required: true, type: 'long' },
]

/**
 * Writes a position delete file anew: its rows name data files by their locations, and a reader
 * that finds another one there passes the delete over in silence.
 * @param location the delete file as the manifest named it
 * @param fileSizeBytes its size, as the manifest says
 * @throws SluiceError `corrupt-data` where it has another one
 */
export async function relocatePositionDeletes(
  ctx: WriteContext,
  location: string,
  fileSizeBytes: number,
  relocation: Relocation,
): Promise<RelocatedFile> {
  const moved = { filePath: relocation.moved(location), fileSizeBytes }
  const rows = `(${await positionDeletesSql([moved], ctx.fileIO)})`
  const named = await ctx.session.rows<{ path: string }>(`SELECT DISTINCT path FROM ${rows}`)
  const pairs = [
    // A file of no rows is one too.
    '(CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR))',
    ...named.map(({ path: old }) => `(${sqlString(old)}, ${sqlString(relocation.moved(old))})`),
  ]
  const query =
    `SELECT moved.new_path AS file_path, CAST(pos AS BIGINT) AS pos FROM ${rows} AS rows ` +
    `JOIN (VALUES ${pairs.join(', ')}) AS moved(old_path, new_path) ` +
    `ON rows.path = moved.old_path ORDER BY 1, 2`
  const local = await copyToParquet(ctx, deleteFields, query, {})
  const target = relocation.renamed(location)
  const { sizeBytes } = await ctx.fileIO.adopt(local.path, target)
  return { location: target, sizeBytes }
}

/** What follows the footer's text: its size, four bytes of flags, the magic. */
const TAIL_BYTES = 12

/**
 * Writes a Puffin file of deletion vectors anew. Only its footer names data files; the vectors
 * stay where they are, since manifests name them by their place in the file.
 */
export async function relocateDeletionVectors(
  { fileIO }: Pick<WriteContext, 'fileIO'>,
  location: string,
  relocation: Relocation,
): Promise<RelocatedFile> {
  const moved = relocation.moved(location)
  const file = Buffer.from(await fileIO.read(moved))
  readPuffinFooter(file, moved)
  const payloadEnd = file.length - TAIL_BYTES
  const payloadStart = payloadEnd - file.readInt32LE(payloadEnd)
  const footer = parseJson(file.toString('utf8', payloadStart, payloadEnd))
  const payload = Buffer.from(
    stringifyJson(mapTexts(footer, (text) => relocation.moved(text))),
    'utf8',
  )
  const tail = Buffer.from(file.subarray(payloadEnd))
  tail.writeInt32LE(payload.length, 0)
  const bytes = Buffer.concat([file.subarray(0, payloadStart), payload, tail])
  const target = relocation.renamed(location)
  await fileIO.write(target, bytes)
  return { location: target, sizeBytes: bytes.length }
}

/** The same JSON value with every text in it, however deep, put through `map`. */
export function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapTexts(one, map)]))
}
