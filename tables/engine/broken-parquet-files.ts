/**
 * What the engine says where bytes of a Parquet file are not what the format promises. Its Parquet
 * and Thrift readers throw errors of their own, which it calls `Invalid Error`; those of the system
 * (no memory) begin with `std::`.
 */
const brokenTexts: readonly RegExp[] = [
  /^Invalid Error: (?!std::)/,
  /^Invalid Input Error: (Failed to read (Parquet )?file|Invalid unicode|No magic bytes)/,
  /^Invalid Input Error: (Invalid string encoding found in Parquet|.*too small to be a Parquet)/,
  /^Invalid Input Error: (Incorrect stats size|Invalid \w+ found in Parquet)/,
  /^Conversion Error: Error while reading file /,
  // A path may hold any word: what is said of a missing file must not look like a broken one.
  /^IO Error: (Could not read enough bytes|\w+ (converted type|requires length))/,
  /^IO Error: Failed to read Parquet file /,
  // A place in the file that no file has.
  /^IO Error: Could not read from file .*: Invalid argument$/,
]

/** How many files a message names. */
const NAMED_MAX = 8

/**
 * The files that an error of the engine may be about, as text: the one that it names, else those
 * that the statement reads. Undefined where it is no error of a broken Parquet file.
 */
export function brokenParquetFiles(text: string, sql: string): string | undefined {
  if (!sql.includes('read_parquet(') || !brokenTexts.some((one) => one.test(text))) return undefined
  const paths = [...new Set(readPaths(sql))]
  const named = paths.filter((path) => text.includes(path))
  const [only] = named.length === 0 ? paths : named
  if (only === undefined) return undefined
  if (named.length > 0 || paths.length === 1) return only
  const rest = paths.length > NAMED_MAX ? ` and ${paths.length - NAMED_MAX} more` : ''
  return `one of ${paths.slice(0, NAMED_MAX).join(', ')}${rest}`
}

/** The paths in lists of `read_parquet`, with quotes and patterns taken back. */
function readPaths(sql: string): readonly string[] {
  const lists = sql.matchAll(/read_parquet\(\[?((?:'(?:[^']|'')*'(?:, ?)?)+)/g)
  return [...lists].flatMap(([, list = '']) =>
    [...list.matchAll(/'((?:[^']|'')*)'/g)].map(([, path = '']) =>
      path.replaceAll("''", "'").replaceAll(/\[([*?[])\]/g, '$1'),
    ),
  )
}
