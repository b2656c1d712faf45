import type { TableDefinition } from '../tables/spec/table-definition.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'
import type { Format } from './formats/format.ts'
import { formats } from './formats/formats.ts'
import { createMappedFormat } from './formats/mapped.ts'
import { readMappedFormatName } from './formats/mapping.ts'
import { goldTables, type GoldTable } from './gold-tables.ts'
import { kinds, type Kind } from './kind.ts'
import { allTables } from './lake-tables.ts'
import { allViews } from './lake-views.ts'

/**
 * What a lake is made of: a value that goes with the lake, so that whoever opens it may give a
 * model with kinds of its own. Nothing beside the floors of transforms asks the constants.
 */
export interface LakeModel {
  /** Each has `bronze.<kind>_messages` and `silver.<kind>s` among the tables. */
  readonly kinds: readonly Kind[]
  /** By the names that configs and `--format` spell; mapped formats are made of their names. */
  readonly formats: ReadonlyMap<string, Format>
  /** Every table, in the order of the data's way; the last one is sluice.cuts. */
  readonly tables: readonly TableDefinition[]
  readonly views: readonly ViewDefinition[]
  /** How the loop makes those tables of gold that are states of windows. */
  readonly goldTables: readonly GoldTable[]
  /** What extensions added; none in the built-in model. */
  readonly extensions: readonly ExtensionTables[]
}

export interface ExtensionTables {
  readonly name: string
  readonly tables: readonly string[]
}

/** Whatever goes with a model: a lake, a session of the steps. */
export interface HasModel {
  readonly model: LakeModel
}

/** What Sluice itself knows: trades, quotes and klines. */
export const builtInModel: LakeModel = {
  kinds,
  formats,
  tables: allTables,
  views: allViews,
  goldTables,
  extensions: [],
}

/** A table's definition by its dotted name; undefined where it is no table of the model. */
export function tableOfModel(
  { tables }: Pick<LakeModel, 'tables'>,
  name: string,
): TableDefinition | undefined {
  return tables.find((definition) => definition.name === name)
}

/** The format of a name, of the model or one that its mapping makes; undefined where there is none. */
export function findFormat(
  { formats: known }: Pick<LakeModel, 'formats'>,
  name: string,
): Format | undefined {
  const format = known.get(name)
  if (format !== undefined) return format
  const mapped = readMappedFormatName(name)
  return mapped && createMappedFormat(name, mapped.file, mapped.mapping)
}
