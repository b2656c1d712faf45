import { parseArgs } from 'node:util'

export interface BenchmarkArguments<N extends string> {
  readonly counts: Readonly<Record<N, number>>
  /** Words that belong to no option. */
  readonly words: readonly string[]
}

/**
 * The words behind a benchmark's name: `--events 1000` for each name of `defaults`, whole numbers
 * from 0. Throws for an option that is not among them and for a value that is no such number.
 */
export function readCounts<N extends string>(
  args: readonly string[],
  defaults: Readonly<Record<N, number>>,
): BenchmarkArguments<N> {
  const names = Object.keys(defaults) as N[]
  const { values, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    allowPositionals: true,
  })
  const counts: Record<N, number> = { ...defaults }
  for (const name of names) {
    const text = values[name]
    if (typeof text !== 'string') continue
    if (!/^\d{1,12}$/.test(text)) {
      throw new RangeError(`--${name} takes a whole number, not "${text}". Nothing was measured.`)
    }
    counts[name] = Number(text)
  }
  return { counts, words: positionals }
}
