/** A name as SQL text: always quoted, so that no column is ever a keyword. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as an SQL literal. */
export function sqlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** A list literal of texts: `['a', 'b']`. */
export function sqlStrings(texts: readonly string[]): string {
  return `[${texts.map(sqlString).join(', ')}]`
}

/**
 * The path of a file as a literal for functions that read files: these take `*`, `?` and `[` for
 * patterns of names.
 */
export function sqlPath(path: string): string {
  return sqlString(path.replaceAll(/[*?[]/g, '[$&]'))
}
