import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import { type TableIdentifier, tableId } from '../../tables/spec/table-identifier.ts'

/**
 * The lake's tables by their dotted names; all of them where none is named.
 * @throws SluiceError `invalid-input` for a name that is none of them.
 */
export function chooseLakeTables(
  { model }: HasModel,
  names: readonly string[],
): readonly TableIdentifier[] {
  const known = model.tables.map(({ name }) => name)
  for (const name of names) {
    if (known.includes(name)) continue
    throw new SluiceError(
      'invalid-input',
      `${name} is no table of the lake. Nothing was done. Its tables are ${known.join(', ')}.`,
    )
  }
  return [...new Set(names.length === 0 ? known : names)].map(tableId)
}
