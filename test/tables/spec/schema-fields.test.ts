import { describe, expect, it } from 'vitest'
import {
  decimalByteLength,
  formatVersionOf,
  normalizePrimitiveType,
  primitiveShape,
} from '../../../tables/spec/primitive-type.ts'
import type { PrimitiveType, Schema } from '../../../tables/spec/schema.ts'
import {
  findFieldById,
  findFieldByName,
  highestFieldId,
  schemaFieldIds,
} from '../../../tables/spec/schema-fields.ts'

const nested: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'symbol', required: true, type: 'string' },
    {
      id: 2,
      name: 'order',
      required: false,
      type: {
        type: 'struct',
        fields: [{ id: 4, name: 'price', required: true, type: 'decimal(18, 8)' }],
      },
    },
    {
      id: 3,
      name: 'levels',
      required: false,
      type: {
        type: 'map',
        'key-id': 5,
        key: 'string',
        'value-id': 6,
        'value-required': false,
        value: { type: 'list', 'element-id': 7, 'element-required': true, element: 'long' },
      },
    },
  ],
}

describe('schema fields', () => {
  it('counts every id, those inside of structs, lists and maps too', () => {
    expect([...schemaFieldIds(nested)].sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(highestFieldId(nested)).toBe(7)
    expect(highestFieldId({ type: 'struct', fields: [] })).toBe(0)
  })

  it('finds fields by id, however deep', () => {
    expect(findFieldById(nested, 4)?.name).toBe('price')
    expect(findFieldById(nested, 7)).toEqual({
      id: 7,
      name: 'element',
      required: true,
      type: 'long',
    })
    expect(findFieldById(nested, 8)).toBeUndefined()
  })

  it('finds fields by dotted name', () => {
    expect(findFieldByName(nested, 'order.price')?.id).toBe(4)
    expect(findFieldByName(nested, 'levels.value.element')?.id).toBe(7)
    expect(findFieldByName(nested, 'price')).toBeUndefined()
  })
})

describe('primitive types', () => {
  it('gives one spelling to a type', () => {
    expect(normalizePrimitiveType('decimal(18,8)')).toBe('decimal(18, 8)')
    expect(normalizePrimitiveType('decimal(18, 8)')).toBe('decimal(18, 8)')
    expect(normalizePrimitiveType('fixed[16]')).toBe('fixed[16]')
    expect(normalizePrimitiveType('timestamptz')).toBe('timestamptz')
  })

  it('refuses what no format version has', () => {
    for (const type of ['timestamp_ms', 'decimal(39, 2)', 'decimal(4, 5)', 'interval', 'decimal']) {
      expect(() => primitiveShape(type as 'string')).toThrow(/not known here/)
      expect(() => normalizePrimitiveType(type as 'string')).toThrow(/not known here/)
    }
  })

  it.each<PrimitiveType>(['variant', 'geometry', 'geometry(srid:3857)', 'geography(a, spherical)'])(
    'keeps %s as a type of version 3, and takes no value of it',
    (type) => {
      expect(normalizePrimitiveType(type)).toBe(type)
      expect(formatVersionOf(type)).toBe(3)
      expect(() => primitiveShape(type)).toThrow(/cannot be read or written/)
    },
  )

  it('knows which types came with version 3', () => {
    expect(
      (['timestamp_ns', 'timestamptz_ns', 'unknown', 'timestamp', 'uuid'] as const).map(
        formatVersionOf,
      ),
    ).toEqual([3, 3, 3, 1, 1])
  })

  // 10^p - 1 must fit: 127 needs one byte, 9 digits four, 38 digits sixteen.
  it.each([
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [9, 4],
    [10, 5],
    [18, 8],
    [19, 9],
    [38, 16],
  ])('holds a decimal of %s digits in %s bytes', (precision, length) => {
    expect(decimalByteLength(precision)).toBe(length)
  })
})
