import { describe, expect, it } from 'vitest'
import type { BoundTest } from '../../../tables/scan/column-predicate.ts'
import { projectTest } from '../../../tables/scan/project-test.ts'
import type { RangeTest } from '../../../tables/scan/value-range.ts'
import type { PartitionField, PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'

const DAY_US = 86_400_000_000n

const project = (transform: string, type: PrimitiveType, test: RangeTest) => {
  const field: PartitionField = {
    'source-id': 1,
    'field-id': 1000,
    name: 'p',
    transform: transform as PartitionTransform,
  }
  const bound: BoundTest = { fieldId: 1, type, test }
  return projectTest(field, bound)
}

describe('a test of a column, asked of a partition field', () => {
  it('keeps to the days that can hold a match', () => {
    const ts = 'timestamptz'
    expect(project('day', ts, { op: '<', value: 3n * DAY_US })).toEqual({ op: '<=', value: 2 })
    expect(project('day', ts, { op: '<=', value: 3n * DAY_US })).toEqual({ op: '<=', value: 3 })
    expect(project('day', ts, { op: '>', value: 4n * DAY_US - 1n })).toEqual({ op: '>=', value: 4 })
    expect(project('day', ts, { op: '>=', value: 4n * DAY_US - 1n })).toEqual({
      op: '>=',
      value: 3,
    })
  })

  it('also takes the number after it for a time before 1970, as early writers rounded', () => {
    const ts = 'timestamp'
    expect(project('day', ts, { op: '=', value: -1n })).toEqual({ op: 'in', values: [-1, 0] })
    expect(project('day', ts, { op: '<=', value: -1n })).toEqual({ op: '<=', value: 0 })
    expect(project('day', ts, { op: '>=', value: -1n })).toEqual({ op: '>=', value: -1 })
    expect(project('month', 'date', { op: 'in', values: [-1, 40] })).toEqual({
      op: 'in',
      values: [-1, 0, 1],
    })
  })

  it('asks buckets for nothing but equality', () => {
    const bucketOf34 = { op: 'in', values: [79] }
    // The hash of 34 in the specification's table of examples is 2017239379.
    expect(project('bucket[100]', 'long', { op: '=', value: 34n })).toEqual(bucketOf34)
    expect(project('bucket[100]', 'int', { op: 'in', values: [34] })).toEqual(bucketOf34)
    for (const op of ['<', '<=', '>', '>=', '<>'] as const) {
      expect(project('bucket[100]', 'long', { op, value: 34n })).toBeUndefined()
    }
    expect(project('bucket[100]', 'string', { op: 'starts-with', prefix: 'a' })).toBeUndefined()
    expect(project('bucket[100]', 'double', { op: '=', value: 1 })).toBeUndefined()
  })

  it('asks a truncated text for as much of a prefix as it keeps', () => {
    const text = (op: 'starts-with' | 'not-starts-with', prefix: string) =>
      project('truncate[2]', 'string', { op, prefix })
    expect(text('starts-with', 'a')).toEqual({ op: 'starts-with', prefix: 'a' })
    expect(text('starts-with', '😀😀')).toEqual({ op: 'starts-with', prefix: '😀😀' })
    expect(text('starts-with', 'abc')).toEqual({ op: '=', value: 'ab' })
    expect(text('not-starts-with', 'ab')).toEqual({ op: 'not-starts-with', prefix: 'ab' })
    expect(text('not-starts-with', 'abc')).toBeUndefined()
  })

  it('knows nothing of void, of unknown transforms, and of what is not equal once joined', () => {
    expect(project('void', 'long', { op: 'is-null' })).toBeUndefined()
    expect(project('zorder[3]', 'long', { op: '=', value: 1n })).toBeUndefined()
    expect(project('truncate[10]', 'long', { op: '<>', value: 1n })).toBeUndefined()
    expect(project('day', 'timestamp', { op: 'not-in', values: [1n] })).toBeUndefined()
    expect(project('identity', 'long', { op: '<>', value: 1n })).toEqual({ op: '<>', value: 1n })
  })
})
