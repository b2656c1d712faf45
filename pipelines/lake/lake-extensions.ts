import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import { SluiceError } from '../../tables/errors.ts'
import { normalizePrimitiveType } from '../../tables/spec/primitive-type.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { currentSchema } from '../../tables/write/current-layout.ts'
import { readLakeFile, writeLakeFile, type LakeFile } from './lake-file.ts'
import { readLakeHolder } from './lake-lock.ts'

/**
 * Whoever opens a lake must know all of its tables: a cut says of each of them where it stands.
 * @throws SluiceError `invalid-input` where extensions of the lake are not in the model.
 */
export function requireExtensions(directory: string, file: LakeFile, model: LakeModel): void {
  const known = model.extensions.map(({ name }) => name)
  const missing = (file.extensions ?? []).filter((name) => !known.includes(name))
  if (missing.length === 0) return
  throw new SluiceError(
    'invalid-input',
    `The lake in ${directory} has tables of the extension ${missing.join(', ')}, which is not ` +
      'loaded. Nothing was opened. Name its file: --extension FILE, SLUICE_EXTENSIONS, or ' +
      '`extensions` of the config.',
    { context: { extensions: missing.join(', ') } },
  )
}

/**
 * Writes down which extensions have tables in the lake, before the tables are made.
 * @throws SluiceError `commit-conflict` where one is new and another process writes to the lake
 * without it.
 */
export async function recordExtensions(directory: string, model: LakeModel): Promise<void> {
  const file = await readLakeFile(directory)
  const held = file?.extensions ?? []
  const added = model.extensions.map(({ name }) => name).filter((name) => !held.includes(name))
  if (file === undefined || added.length === 0) return
  const holder = await readLakeHolder(directory)
  if (holder !== undefined && holder.pid !== process.pid) {
    throw new SluiceError(
      'commit-conflict',
      `The lake in ${directory} has no tables of the extension ${added.join(', ')} yet, and ` +
        `${holder.purpose}, process ${holder.pid} on ${holder.host}, writes to it without them. ` +
        'Nothing was opened. Stop that process, and start it again with the extension.',
    )
  }
  await writeLakeFile(directory, { ...file, extensions: [...held, ...added] })
}

/**
 * The columns of a table that exists are not migrated, whoever declared it.
 * @throws SluiceError `invalid-input` where a table of an extension is not as it declares it.
 */
export async function requireColumns(catalog: Catalog, model: LakeModel): Promise<void> {
  for (const { name: extension, tables } of model.extensions) {
    for (const name of tables) {
      const table = await catalog.loadTable(tableId(name))
      if (table === undefined) continue
      const held = new Map(currentSchema(table.metadata).fields.map((field) => [field.name, field]))
      const wrong = (tableOfModel(model, name)?.columns ?? []).filter((column) => {
        const field = held.get(column.name)
        const isSame = field?.type === normalizePrimitiveType(column.type)
        return !isSame || (field.required && !column.isRequired)
      })
      if (wrong.length > 0) throw otherColumns(extension, name, wrong.map((one) => one.name))
    }
  }
}

function otherColumns(extension: string, table: string, columns: readonly string[]): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The extension ${extension} declares ${columns.join(', ')} of ${table} otherwise than the ` +
      'lake has it. Nothing was opened. Columns of a table that exists are not migrated: declare ' +
      'them as they were, or give the kind another name.',
    { context: { extension, table } },
  )
}
