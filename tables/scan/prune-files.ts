import type { ContentFile } from '../spec/manifest.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import { fromSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { BoundPredicate } from './column-predicate.ts'
import { mayMatch } from './value-range.ts'
import type { ValueRange } from './value-range.ts'

/** False only where the file's counts and bounds prove that no row matches every predicate. */
export function fileMayMatch(file: ContentFile, predicates: readonly BoundPredicate[]): boolean {
  return predicates.every((predicate) => mayMatch(rangeOf(file, predicate), predicate.test))
}

function rangeOf(file: ContentFile, { fieldId, type }: BoundPredicate): ValueRange {
  const nullCount = file.nullValueCounts.get(fieldId)
  const valueCount = file.valueCounts.get(fieldId)
  // NaN lies outside the bounds, and SQL sorts it above every number.
  const mayHoldNan =
    (type === 'float' || type === 'double') && file.nanValueCounts.get(fieldId) !== 0
  return {
    lower: readBound(type, file.lowerBounds.get(fieldId)),
    upper: mayHoldNan ? undefined : readBound(type, file.upperBounds.get(fieldId)),
    hasNulls: nullCount === undefined ? undefined : nullCount > 0,
    hasOnlyNulls:
      nullCount === undefined || valueCount === undefined ? undefined : nullCount === valueCount,
  }
}

/**
 * A bound in the column's present type. One that cannot be read (a type that was changed in a way
 * that we do not know) is unknown: it prunes nothing.
 */
export function readBound(
  type: PrimitiveType,
  bytes: Uint8Array | undefined,
): SingleValue | undefined {
  if (bytes === undefined || type === 'uuid') return undefined
  try {
    return fromSingleValue(type, bytes)
  } catch {
    return undefined
  }
}
