import { describe, expect, it } from 'vitest'
import { isDefaultValue } from '../../../tables/spec/default-value.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'

const list: IcebergType = {
  type: 'list',
  'element-id': 1,
  'element-required': true,
  element: 'int',
}
const map: IcebergType = {
  type: 'map',
  'key-id': 2,
  key: 'string',
  'value-id': 3,
  'value-required': false,
  value: 'int',
}
const struct: IcebergType = { type: 'struct', fields: [] }

describe('a default value', () => {
  // The examples of the specification's table of JSON single values.
  it.each<[IcebergType, unknown]>([
    ['boolean', true],
    ['int', 34],
    ['long', 9223372036854775807n],
    ['float', 1.5],
    ['double', -0],
    ['decimal(4,2)', '14.20'],
    ['date', '2017-11-16'],
    ['time', '22:31:08.123456'],
    ['timestamp', '2017-11-16T22:31:08.123456'],
    ['timestamptz', '2017-11-16T22:31:08.123456+00:00'],
    ['timestamp_ns', '2017-11-16T22:31:08.123456789'],
    ['timestamptz_ns', '2017-11-16T22:31:08.123456789+00:00'],
    ['string', ''],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7'],
    ['fixed[4]', '000102ff'],
    ['binary', ''],
    [struct, {}],
    [list, [1, 2, 3]],
    [map, { keys: ['a', 'b'], values: [1, null] }],
    ['unknown', null],
    ['variant', null],
    ['int', undefined],
  ])('of %o may be %o', (type, value) => {
    expect(isDefaultValue(type, value)).toBe(true)
  })

  it.each<[IcebergType, unknown]>([
    ['boolean', 1],
    ['int', 2 ** 31],
    ['int', 1.5],
    ['long', 2n ** 63n],
    ['float', '1'],
    ['decimal(4,2)', '14.2'],
    ['decimal(4,2)', '140.20'],
    ['decimal(4,2)', 14.2],
    ['date', '2017-11-16T00:00'],
    ['timestamp', '2017-11-16T22:31:08.123456+00:00'],
    ['timestamp', '2017-11-16T22:31:08.123456789'],
    ['timestamptz', '2017-11-16T22:31:08.123456'],
    ['timestamptz', '2017-11-16T22:31:08-08:00'],
    ['string', 5],
    ['uuid', 'f79c3e09'],
    ['fixed[4]', '0001'],
    ['binary', '0'],
    [struct, { '1': 5 }],
    [struct, []],
    [list, [1, null]],
    [list, 1],
    [map, { keys: ['a'], values: [] }],
    [map, { keys: [null], values: [1] }],
    ['unknown', 1],
    ['variant', 1],
  ])('of %o is never %o', (type, value) => {
    expect(isDefaultValue(type, value)).toBe(false)
  })
})
