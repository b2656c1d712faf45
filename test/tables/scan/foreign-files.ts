import { join } from 'node:path'
import { columnType } from '../../../tables/engine/column-type.ts'
import { sqlName, sqlString } from '../../../tables/engine/sql-text.ts'
import type { DataFile, EqualityDelete } from '../../../tables/spec/manifest.ts'
import type { SchemaField } from '../../../tables/spec/schema.ts'
import { fieldIdsOption } from '../../../tables/write/field-ids.ts'
import type { WriteContext } from '../../../tables/write/write-context.ts'
import { makeDataFile } from '../../support/data-file.ts'

export interface ForeignFile extends Partial<Pick<DataFile, 'specId' | 'partition'>> {
  /** Folder and first part of the name, a full location. */
  readonly location: string
  /** The rest of the name; by default one of its own. */
  readonly suffix?: string
  readonly fields: readonly SchemaField[]
  /** Its columns have the names of the fields, in their order. */
  readonly query: string
  /** False for a file that carries no field ids at all. */
  readonly hasIds?: boolean
}

/** A data file as another engine leaves it: no metrics, and columns that we did not choose. */
export async function writeForeignFile(ctx: WriteContext, file: ForeignFile): Promise<DataFile> {
  const { fields, query, hasIds = true } = file
  const columns = fields.map(
    ({ name, type }) => `CAST(${sqlName(name)} AS ${columnType(type)}) AS ${sqlName(name)}`,
  )
  const path = join(ctx.scratchDir, `${ctx.ids.uuid()}.parquet`)
  const ids = hasIds ? `, FIELD_IDS ${fieldIdsOption(fields)}` : ''
  const [row] = await ctx.session.rows<{ Count: bigint }>(
    `COPY (SELECT ${columns.join(', ')} FROM (${query})) TO ${sqlString(path)} (FORMAT parquet${ids})`,
  )
  const filePath = `${file.location}-${file.suffix ?? ctx.ids.uuid()}.parquet`
  const { sizeBytes } = await ctx.fileIO.adopt(path, filePath)
  return makeDataFile(filePath, {
    specId: file.specId ?? 0,
    partition: file.partition ?? {},
    recordCount: Number(row?.Count ?? 0),
    fileSizeBytes: sizeBytes,
  })
}

/** The same as a file of rows to delete by the values of some of its columns. */
export async function writeEqualityDelete(
  ctx: WriteContext,
  file: ForeignFile & { readonly equalityIds: readonly number[] },
): Promise<EqualityDelete> {
  const written = await writeForeignFile(ctx, file)
  return { ...written, content: 'equality-deletes', equalityIds: file.equalityIds }
}
