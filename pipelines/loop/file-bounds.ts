import { tableOfModel, type HasModel } from '../../shared-transforms/lake-model.ts'
import { readBound } from '../../tables/scan/read-bound.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'

/** The lowest and the highest time of a column in a file, µs; undefined where the file says none. */
export function boundsOf(
  file: DataFile,
  { model }: HasModel,
  table: string,
  column: string,
): [bigint | undefined, bigint | undefined] {
  const field = tableOfModel(model, table)?.columns.find(({ name }) => name === column)
  if (field === undefined) throw new RangeError(`${table} has no column ${column}`)
  const timeOf = (bounds: DataFile['lowerBounds']) => {
    const value = readBound(field.type, bounds.get(field.fieldId))
    return typeof value === 'bigint' ? value : undefined
  }
  return [timeOf(file.lowerBounds), timeOf(file.upperBounds)]
}
