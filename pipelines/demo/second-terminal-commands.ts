import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface SecondTerminalCommand {
  readonly title: string
  /** A line for a shell in the checkout, or where the package is; undefined while it would not work yet. */
  readonly command: string | undefined
}

export interface SecondTerminalFacts {
  readonly lakeDirectory: string
  readonly catalogUrl: string
  /** gold.bars as it was ten cuts ago; undefined while there is no such cut. */
  readonly tenCutsAgo: { readonly cutNumber: number; readonly snapshotId: bigint } | undefined
}

/** Compiled files are those of an installed package, which has no scripts for `npm run`. */
const isCheckout = import.meta.url.endsWith('.ts')

/** Where `npm run` runs the command line: the default lake lies below it. */
const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** Short, so that the line fits twice into 80 columns. */
const columns = 'venue_symbol, open_ts, close, volume'

/**
 * What a person can type elsewhere while the demo runs. Every line works as it is printed, which
 * a test proves by running them.
 */
export function secondTerminalCommands(
  facts: SecondTerminalFacts,
): readonly SecondTerminalCommand[] {
  const { tenCutsAgo, catalogUrl } = facts
  const bars = (at: string): string =>
    `SELECT ${columns} FROM gold.bars b${at} WHERE step = '1m' ORDER BY 2 DESC, 1 LIMIT 10`
  return [
    { title: 'the newest bars', command: sluiceSql(bars(''), facts.lakeDirectory) },
    {
      title: 'the same query AT ten cuts ago',
      command:
        tenCutsAgo === undefined
          ? undefined
          : sluiceSql(bars(` AT (VERSION => ${tenCutsAgo.snapshotId})`), facts.lakeDirectory),
    },
    {
      title: 'PyIceberg (pip install "pyiceberg[pyarrow]")',
      command:
        'python3 -c "from pyiceberg.catalog import load_catalog; ' +
        `lake = load_catalog('lake', uri='${catalogUrl}'); ` +
        "print(lake.load_table('gold.bars').scan().to_arrow())\"",
    },
  ]
}

/** DuckDB's own extension attaches inside its shell, so this is a statement and no command. */
export function duckdbAttachStatement(catalogUrl: string): string {
  return (
    'INSTALL iceberg; LOAD iceberg; ' +
    `ATTACH '' AS lake (TYPE iceberg, ENDPOINT '${catalogUrl}', AUTHORIZATION_TYPE 'none');`
  )
}

function sluiceSql(sql: string, lakeDirectory: string): string {
  const directory = resolve(lakeDirectory)
  const lake = ` --lake ${shellWord(directory)}`
  if (!isCheckout) return `npx sluice sql "${sql}"${lake}`
  return `npm run -s sluice -- sql "${sql}"${directory === join(checkout, 'lake') ? '' : lake}`
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
