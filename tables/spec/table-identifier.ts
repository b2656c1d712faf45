/** A table's name: namespace levels and the name. */
export interface TableIdentifier {
  readonly namespace: readonly string[]
  readonly name: string
}

/** `tableId('gold.bars')`: a dotted name as an identifier. */
export function tableId(dotted: string): TableIdentifier {
  const levels = dotted.split('.')
  const name = levels.pop() ?? ''
  return { namespace: levels, name }
}

/** The dotted form, for messages and map keys. */
export function tableKey(table: TableIdentifier): string {
  return [...table.namespace, table.name].join('.')
}
