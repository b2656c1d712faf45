/**
 * A node of the tree that DuckDB's `json_serialize_sql` gives for a statement. Only the fields
 * that are read here have names; the rest goes back to the engine as it came.
 */
export interface SyntaxNode {
  [field: string]: unknown
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text field of a node, empty where it is missing or null. */
export function textOf(node: SyntaxNode, field: string): string {
  const value = node[field]
  return typeof value === 'string' ? value : ''
}

/** A list field of nodes, empty where it is missing. */
export function nodesOf(node: SyntaxNode, field: string): readonly SyntaxNode[] {
  const value = node[field]
  return Array.isArray(value) ? value.filter(isNode) : []
}
