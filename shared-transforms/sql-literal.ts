/** A text as an SQL literal, with its quotes doubled. */
export function sqlLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
