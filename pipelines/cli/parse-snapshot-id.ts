import { InvalidArgumentError } from 'commander'

/** A snapshot id of a command's argument: 64 bits, so no JavaScript number. */
export function parseSnapshotId(text: string): bigint {
  const id = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined
  if (id !== undefined && BigInt.asIntN(64, id) === id) return id
  throw new InvalidArgumentError('Give a snapshot id, as `sluice history TABLE` shows it.')
}
