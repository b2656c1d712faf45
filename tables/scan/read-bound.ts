import type { PrimitiveType } from '../spec/schema.ts'
import { fromSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'

/**
 * A bound in the column's present type. One that cannot be read (a type that was changed in a way
 * that we do not know) is unknown: it prunes nothing. So is one of a UUID, which writers order in
 * two ways. A text's bound stays bytes: some writers cut it inside of a letter, and to decode half
 * a letter would move the bound.
 */
export function readBound(
  type: PrimitiveType,
  bytes: Uint8Array | undefined,
): SingleValue | undefined {
  if (bytes === undefined || type === 'uuid') return undefined
  if (type === 'string') return bytes
  try {
    return fromSingleValue(type, bytes)
  } catch {
    return undefined
  }
}
