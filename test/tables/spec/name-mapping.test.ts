import { describe, expect, it } from 'vitest'
import {
  findMappedField,
  nameMappingOf,
  parseNameMapping,
  serializeNameMapping,
} from '../../../tables/spec/name-mapping.ts'
import type { StructType } from '../../../tables/spec/schema.ts'

/** The example of the specification, with a map and a name that belongs to no field. */
const text = `[
  { "field-id": 1, "names": ["id", "record_id"] },
  { "field-id": 2, "names": ["data"] },
  { "field-id": 3, "names": ["location"], "fields": [
    { "field-id": 4, "names": ["latitude", "lat"] },
    { "field-id": 5, "names": ["longitude", "long"] } ] },
  { "field-id": 6, "names": ["tags"], "fields": [
    { "field-id": 7, "names": ["key"] },
    { "field-id": 8, "names": ["value"], "fields": [
      { "field-id": 9, "names": ["element"] } ] } ] },
  { "names": ["dropped"] }
]`

describe('a name mapping', () => {
  it.each([
    ['id', 1],
    ['record_id', 1],
    ['location', 3],
    ['location.lat', 4],
    ['location.longitude', 5],
    ['tags.key', 7],
    ['tags.value.element', 9],
    ['dropped', undefined],
    ['lat', undefined],
    ['location.lat.degree', undefined],
    ['ID', undefined],
  ])('finds %s as field %s', (path, fieldId) => {
    const mapping = parseNameMapping(text)
    expect(findMappedField(mapping, path.split('.'))?.['field-id']).toBe(fieldId)
  })

  it('is written as it was read', () => {
    const mapping = parseNameMapping(text)
    expect(JSON.parse(serializeNameMapping(mapping))).toEqual(JSON.parse(text))
    expect(findMappedField(mapping, [])).toBeUndefined()
  })

  it('of a schema has every column, nested ones too', () => {
    const schema: StructType = {
      type: 'struct',
      fields: [
        { id: 1, name: 'a', required: true, type: 'int' },
        {
          id: 2,
          name: 'm',
          required: false,
          type: {
            type: 'map',
            'key-id': 3,
            key: 'string',
            'value-id': 4,
            'value-required': false,
            value: {
              type: 'list',
              'element-id': 5,
              'element-required': false,
              element: {
                type: 'struct',
                fields: [{ id: 6, name: 'x', required: false, type: 'long' }],
              },
            },
          },
        },
      ],
    }
    const mapping = nameMappingOf(schema)
    expect(parseNameMapping(serializeNameMapping(mapping))).toEqual(mapping)
    expect(findMappedField(mapping, ['m', 'value', 'element', 'x'])?.['field-id']).toBe(6)
  })

  it.each([
    ['{}', /is no list/],
    ['[{"field-id": 1}]', /names of an entry is missing/],
    ['[{"field-id": "1", "names": ["a"]}]', /field-id is missing or no integer/],
    ['[{"names": ["a"]}, {"names": ["b", "a"]}]', /"a" stands for two columns/],
    ['[{"names": ["a"], "fields": 5}]', /fields is missing or no list/],
    ['[1]', /no JSON object/],
    ['[', /not valid JSON/],
  ])('that reads %s is refused', (broken, fault) => {
    expect(() => parseNameMapping(broken)).toThrow(fault)
  })
})
