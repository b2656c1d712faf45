import { primitiveShape, isOpaqueType } from '../spec/primitive-type.ts'
import type { PartitionTransform } from '../spec/partition-spec.ts'
import type { IcebergType, PrimitiveType } from '../spec/schema.ts'

/**
 * True where every value of the one type is one of the other, so that files need not be written
 * again. Source: https://iceberg.apache.org/spec/#schema-evolution
 */
export function isPromotionAllowed(
  from: IcebergType,
  to: PrimitiveType,
  formatVersion: number,
): boolean {
  if (typeof from !== 'string') return false
  if (from === 'unknown') return formatVersion >= 3
  if (isOpaqueType(from) || isOpaqueType(to)) return false
  const before = primitiveShape(from)
  const after = primitiveShape(to)
  switch (before.kind) {
    case 'int':
      return after.kind === 'long'
    case 'float':
      return after.kind === 'double'
    case 'decimal':
      return (
        after.kind === 'decimal' &&
        after.scale === before.scale &&
        after.precision > before.precision
      )
    case 'date':
      return formatVersion >= 3 && (after.kind === 'timestamp' || after.kind === 'timestamp_ns')
    default:
      return false
  }
}

/** True where a promotion would give old rows another partition value than they have. */
export function promotionChangesPartition(
  from: IcebergType,
  transform: PartitionTransform,
): boolean {
  // A date's year, month and day are those of its midnight; its number and its hash are not.
  const keeps: readonly string[] = ['year', 'month', 'day', 'void']
  return from === 'date' && !keeps.includes(transform)
}
