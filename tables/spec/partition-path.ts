import type {
  PartitionField,
  PartitionSpec,
  PartitionTuple,
  PartitionValue,
} from './partition-spec.ts'
import { civilOf, transformShape } from './partition-transform.ts'

/**
 * The folder of a partition below a table's `data/`: `event_ts_day=2024-08-08`, levels joined by
 * `/`, empty for an unpartitioned spec. Only letters that every store takes: HDFS refuses a colon,
 * and a percent sign would be decoded by some readers and not by others. Two values may share a
 * folder; file names are unique, and no reader takes values from folders.
 */
export function partitionPath(spec: PartitionSpec, tuple: PartitionTuple): string {
  return spec.fields
    .filter((field) => field.transform !== 'void')
    .map((field) => {
      const value = valueText(transformShape(field.transform).kind, tuple[field.name] ?? null)
      return `${safe(field.name)}=${safe(value)}`
    })
    .join('/')
}

/**
 * The partition as other engines name it in snapshot summaries: `event_ts_day=2024-08-08`, levels
 * joined by `/`, encoded as in a URL, so that two partitions never share a name.
 */
export function partitionName(spec: PartitionSpec, tuple: PartitionTuple): string {
  return spec.fields
    .map((field) => {
      const value = valueText(transformShape(field.transform).kind, tuple[field.name] ?? null)
      return `${encodeURIComponent(field.name)}=${encodeURIComponent(value)}`
    })
    .join('/')
}

/** One value as those names write it: `2024-08-08` of a day, `2024-08` of a month. */
export function partitionValueText(field: PartitionField, value: PartitionValue): string {
  return valueText(transformShape(field.transform).kind, value)
}

function valueText(kind: string, value: PartitionValue): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value !== 'number') return String(value)
  switch (kind) {
    case 'year':
      return String(1970 + value)
    case 'month':
      return `${1970 + Math.floor(value / 12)}-${twoDigits((((value % 12) + 12) % 12) + 1)}`
    case 'day':
      return dayText(value)
    case 'hour':
      return `${dayText(Math.floor(value / 24))}-${twoDigits(((value % 24) + 24) % 24)}`
    default:
      return String(value)
  }
}

function dayText(days: number): string {
  const { year, month, day } = civilOf(days)
  return `${year}-${twoDigits(month)}-${twoDigits(day)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/g, '_')
}
