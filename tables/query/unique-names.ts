import type { ResultColumn } from '../engine/engine.ts'

/**
 * Two columns of one name would lose one in every JSON parser and data frame: the later gets `_1`,
 * `_2`. Names that differ in case only are one name where `isCaseIgnored`.
 */
export function uniqueNames(
  columns: readonly Pick<ResultColumn, 'name'>[],
  { isCaseIgnored = false }: { readonly isCaseIgnored?: boolean } = {},
): readonly string[] {
  const taken = new Set<string>()
  const keyOf = (name: string): string => (isCaseIgnored ? name.toLowerCase() : name)
  return columns.map(({ name }) => {
    let unique = name
    for (let count = 1; taken.has(keyOf(unique)); count += 1) unique = `${name}_${count}`
    taken.add(keyOf(unique))
    return unique
  })
}
