import { describe, expect, it } from 'vitest'
import { bindPredicates } from '../../../tables/scan/column-predicate.ts'
import type { ColumnPredicate } from '../../../tables/scan/column-predicate.ts'
import { fileMayMatch } from '../../../tables/scan/prune-files.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { PrimitiveType, Schema } from '../../../tables/spec/schema.ts'
import { toSingleValue } from '../../../tables/spec/single-value.ts'
import type { SingleValue } from '../../../tables/spec/single-value.ts'
import { type DataFileFacts, makeDataFile } from '../../support/data-file.ts'

const schemaOf = (type: PrimitiveType): Schema => ({
  type: 'struct',
  'schema-id': 0,
  fields: [{ id: 1, name: 'x', required: false, type }],
})

const file = (
  type: PrimitiveType,
  low: SingleValue,
  high: SingleValue,
  counts: DataFileFacts = {},
): DataFile =>
  makeDataFile('memory://f', {
    recordCount: 3,
    valueCounts: new Map([[1, 3]]),
    nullValueCounts: new Map([[1, 0]]),
    lowerBounds: new Map([[1, toSingleValue(type, low)]]),
    upperBounds: new Map([[1, toSingleValue(type, high)]]),
    ...counts,
  })

const matches = (
  type: PrimitiveType,
  held: DataFile,
  predicate: {
    op: string
    value?: SingleValue
    values?: readonly SingleValue[]
    prefix?: string
  },
): boolean => {
  const filter = [{ column: 'x', ...predicate } as ColumnPredicate]
  return fileMayMatch(held, bindPredicates(schemaOf(type), filter))
}

describe('a file with bounds 10 to 20', () => {
  const held = file('long', 10n, 20n)

  it.each([
    ['=', 9n, false],
    ['=', 10n, true],
    ['=', 20n, true],
    ['=', 21n, false],
    ['<', 10n, false],
    ['<', 11n, true],
    ['<=', 10n, true],
    ['<=', 9n, false],
    ['>', 20n, false],
    ['>', 19n, true],
    ['>=', 20n, true],
    ['>=', 21n, false],
  ] as const)('and x %s %d', (op, value, expected) => {
    expect(matches('long', held, { op, value })).toBe(expected)
  })

  it('matches a list where one of it lies within', () => {
    expect(matches('long', held, { op: 'in', values: [1n, 15n] })).toBe(true)
    expect(matches('long', held, { op: 'in', values: [1n, 21n] })).toBe(false)
  })

  it('holds no null, by its count', () => {
    expect(matches('long', held, { op: 'is-null' })).toBe(false)
    expect(matches('long', held, { op: 'not-null' })).toBe(true)
  })
})

describe('what is not known of a file', () => {
  it('keeps it: no bounds, no counts', () => {
    const empty = new Map<number, never>()
    const held = file('long', 1n, 1n, {
      lowerBounds: empty,
      upperBounds: empty,
      nullValueCounts: empty,
      valueCounts: empty,
    })
    for (const op of ['=', '<', '<=', '>', '>=']) {
      expect(matches('long', held, { op, value: 5n })).toBe(true)
    }
    expect(matches('long', held, { op: 'is-null' })).toBe(true)
    expect(matches('long', held, { op: 'not-null' })).toBe(true)
  })

  it('keeps it: bounds that cannot be read in the present type', () => {
    const held = file('long', 1n, 1n, { upperBounds: new Map([[1, Buffer.from([1, 2, 3])]]) })
    expect(matches('long', held, { op: '>', value: 5n })).toBe(true)
  })

  it('keeps it above its upper bound where it may hold NaN, which SQL sorts above all', () => {
    const unknown = file('double', 1, 2)
    expect(matches('double', unknown, { op: '>', value: 5 })).toBe(true)
    expect(matches('double', unknown, { op: '<', value: 1 })).toBe(false)
    const none = file('double', 1, 2, { nanValueCounts: new Map([[1, 0]]) })
    expect(matches('double', none, { op: '>', value: 5 })).toBe(false)
    const some = file('double', 1, 2, { nanValueCounts: new Map([[1, 1]]) })
    expect(matches('double', some, { op: '>=', value: 5 })).toBe(true)
  })

  it('keeps it for a value that the column cannot hold exactly', () => {
    const held = file('decimal(9, 2)', 100n, 200n)
    expect(matches('decimal(9, 2)', held, { op: '=', value: '9.99' })).toBe(false)
    expect(matches('decimal(9, 2)', held, { op: '=', value: '9.999' })).toBe(true)
    expect(matches('double', file('double', 1, 2), { op: '=', value: NaN })).toBe(true)
  })
})

describe('a file with only nulls', () => {
  it('matches nothing but null', () => {
    const empty = new Map<number, never>()
    const held = file('long', 1n, 1n, {
      lowerBounds: empty,
      upperBounds: empty,
      nullValueCounts: new Map([[1, 3]]),
    })
    expect(matches('long', held, { op: '=', value: 1n })).toBe(false)
    expect(matches('long', held, { op: 'not-null' })).toBe(false)
    expect(matches('long', held, { op: 'is-null' })).toBe(true)
  })
})

describe('a date column', () => {
  it('takes days and their text', () => {
    const held = file('date', 19000, 19010)
    expect(matches('date', held, { op: '<', value: '2022-01-08' })).toBe(false)
    expect(matches('date', held, { op: '=', value: '2022-01-08' })).toBe(true)
    expect(matches('date', held, { op: '=', value: 19011 })).toBe(false)
  })
})

describe('texts', () => {
  const held = file('string', 'bar', 'bat')

  it('lie together where they share a prefix', () => {
    expect(matches('string', held, { op: 'starts-with', prefix: 'ba' })).toBe(true)
    expect(matches('string', held, { op: 'starts-with', prefix: 'bas' })).toBe(true)
    expect(matches('string', held, { op: 'starts-with', prefix: 'bb' })).toBe(false)
    expect(matches('string', held, { op: 'starts-with', prefix: 'az' })).toBe(false)
    expect(matches('string', held, { op: 'starts-with', prefix: 'barrel' })).toBe(true)
    expect(matches('string', held, { op: 'not-starts-with', prefix: 'ba' })).toBe(false)
    expect(matches('string', held, { op: 'not-starts-with', prefix: 'bar' })).toBe(true)
  })

  it('keep a file whose bound was cut inside of a letter', () => {
    // The lower bound of 'é' (C3 A9) after one byte; decoded it would be U+FFFD, far above.
    const cut = file('string', 'a', 'zz', { lowerBounds: new Map([[1, Buffer.from([0xc3])]]) })
    expect(matches('string', cut, { op: '<', value: 'ê' })).toBe(true)
    expect(matches('string', cut, { op: '=', value: 'b' })).toBe(false)
  })
})

describe('a file with one value', () => {
  const held = file('long', 5n, 5n)

  it('matches nothing that is not this value', () => {
    expect(matches('long', held, { op: '<>', value: 5n })).toBe(false)
    expect(matches('long', held, { op: '<>', value: 6n })).toBe(true)
    expect(matches('long', held, { op: 'not-in', values: [4n, 5n] })).toBe(false)
    expect(matches('long', held, { op: 'not-in', values: [4n] })).toBe(true)
  })

  it('is kept where a bound is missing, or may hide NaN', () => {
    const open = file('long', 5n, 5n, { upperBounds: new Map() })
    expect(matches('long', open, { op: '<>', value: 5n })).toBe(true)
    expect(matches('double', file('double', 5, 5), { op: '<>', value: 5 })).toBe(true)
  })

  it('is kept where its values were counted without the nulls', () => {
    const odd = file('long', 5n, 5n, {
      valueCounts: new Map([[1, 1]]),
      nullValueCounts: new Map([[1, 1]]),
    })
    expect(matches('long', odd, { op: '=', value: 5n })).toBe(true)
  })
})

describe('a filter of groups', () => {
  const held = file('long', 10n, 20n)
  const is = (value: bigint): ColumnPredicate => ({ column: 'x', op: '=', value })
  const keeps = (predicate: ColumnPredicate): boolean =>
    fileMayMatch(held, bindPredicates(schemaOf('long'), [predicate]))

  it('holds where one operand of OR may, and all of AND', () => {
    expect(keeps({ op: 'or', operands: [is(1n), is(15n)] })).toBe(true)
    expect(keeps({ op: 'or', operands: [is(1n), is(2n)] })).toBe(false)
    expect(keeps({ op: 'and', operands: [is(11n), { op: 'or', operands: [is(1n)] }] })).toBe(false)
    expect(keeps({ op: 'or', operands: [] })).toBe(false)
    expect(keeps({ op: 'and', operands: [] })).toBe(true)
  })

  it('does without an unknown operand of AND, and gives up an OR that has one', () => {
    const unknown: ColumnPredicate = { column: 'x', op: '=', value: 'text' }
    expect(keeps({ op: 'and', operands: [unknown, is(1n)] })).toBe(false)
    expect(keeps({ op: 'or', operands: [unknown, is(1n)] })).toBe(true)
  })
})
