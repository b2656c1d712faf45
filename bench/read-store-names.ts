import { storeNames, type StoreName } from './bench-stores.ts'

/**
 * Takes `--store minio`, `--store local,hdfs` or `--store all` out of the words behind a
 * benchmark's name; `usual` where it is not said. Throws for a store that is none.
 */
export function readStoreNames(
  args: readonly string[],
  usual: readonly StoreName[] = ['local'],
): {
  readonly stores: readonly StoreName[]
  readonly rest: readonly string[]
} {
  const at = args.indexOf('--store')
  if (at < 0) return { stores: usual, rest: args }
  const text = args[at + 1] ?? ''
  const stores = text === 'all' ? storeNames : text.split(',').map(storeNameOf)
  return { stores, rest: [...args.slice(0, at), ...args.slice(at + 2)] }
}

function storeNameOf(text: string): StoreName {
  const name = storeNames.find((known) => known === text)
  if (name !== undefined) return name
  throw new RangeError(
    `--store takes all or some of ${storeNames.join(',')}, not "${text}". Nothing was measured.`,
  )
}
