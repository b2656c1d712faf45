import type { ContentFile } from '../spec/manifest.ts'
import type { BoundPredicate, BoundTest } from './column-predicate.ts'
import { treeMayHold } from './predicate-tree.ts'
import { testMayMatchPartition } from './prune-partitions.ts'
import type { PartitionFilter } from './prune-partitions.ts'
import { readBound } from './read-bound.ts'
import { mayMatch } from './value-range.ts'
import type { ValueRange } from './value-range.ts'

/**
 * False only where the file's counts and bounds, and its partition where the filter of its spec is
 * given, prove that no row matches every predicate.
 */
export function fileMayMatch(
  file: ContentFile,
  predicates: readonly BoundPredicate[],
  filter?: PartitionFilter,
): boolean {
  return predicates.every((predicate) =>
    treeMayHold(predicate, (test) => {
      const isInPartition =
        filter === undefined || testMayMatchPartition(file.partition, filter, test)
      return isInPartition && mayMatch(rangeOf(file, test), test.test)
    }),
  )
}

function rangeOf(file: ContentFile, { fieldId, type, isNested }: BoundTest): ValueRange {
  const nullCount = file.nullValueCounts.get(fieldId)
  const valueCount = file.valueCounts.get(fieldId)
  // NaN lies outside the bounds, and SQL sorts it above every number.
  const mayHoldNan =
    (type === 'float' || type === 'double') && file.nanValueCounts.get(fieldId) !== 0
  return {
    lower: readBound(type, file.lowerBounds.get(fieldId)),
    upper: mayHoldNan ? undefined : readBound(type, file.upperBounds.get(fieldId)),
    // Not all writers count a member as null where its struct is.
    hasNulls: nullCount === undefined || (isNested && nullCount === 0) ? undefined : nullCount > 0,
    // Some writers count values without the nulls among them: the rows decide too.
    hasOnlyNulls:
      nullCount === undefined || valueCount === undefined
        ? undefined
        : nullCount === valueCount && nullCount >= file.recordCount,
  }
}
