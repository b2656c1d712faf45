import { describe, expect, it } from 'vitest'
import { parseAlteration, type AlterationName } from '../../../pipelines/cli/parse-alteration.ts'
import { parseType } from '../../../pipelines/cli/parse-type.ts'

const parse = (name: AlterationName, ...words: readonly string[]) =>
  parseAlteration(name, words, {})

describe('parseAlteration', () => {
  it('reads columns', () => {
    expect(parse('add', 'note', 'decimal(18,', '8)')).toEqual({
      kind: 'schema',
      change: { op: 'add-column', name: 'note', type: 'decimal(18, 8)' },
    })
    expect(parseAlteration('add', ['a.b.c', 'int'], { doc: 'what', after: 'd' })).toEqual({
      kind: 'schema',
      change: {
        op: 'add-column',
        name: 'c',
        parent: 'a.b',
        type: 'int',
        doc: 'what',
        position: { after: 'd' },
      },
    })
    expect(parse('drop', 'note')).toMatchObject({ change: { op: 'drop-column', column: 'note' } })
    expect(parse('rename', 'a', 'b')).toMatchObject({ change: { column: 'a', name: 'b' } })
    expect(parse('promote', 'a', 'bigint')).toMatchObject({
      change: { op: 'widen-column', column: 'a', type: 'long' },
    })
  })

  it('reads properties, the equals sign in a value too', () => {
    expect(parse('set', 'a=1', 'b=x=y', 'c=')).toEqual({
      kind: 'set',
      properties: { a: '1', b: 'x=y', c: '' },
    })
    expect(parse('unset', 'a', 'b')).toEqual({ kind: 'unset', names: ['a', 'b'] })
  })

  it('reads partition fields', () => {
    expect(parse('partition', 'add', 'bucket[16](symbol)')).toEqual({
      kind: 'partition',
      change: { op: 'add-field', column: 'symbol', transform: 'bucket[16]' },
    })
    expect(parse('partition', 'add', 'symbol')).toMatchObject({
      change: { column: 'symbol', transform: 'identity' },
    })
    expect(parse('partition', 'drop', 'event_ts_day')).toMatchObject({
      change: { op: 'remove-field', name: 'event_ts_day' },
    })
  })

  it('reads an order', () => {
    expect(parse('sort', 'a,', 'b', 'desc', 'nulls', 'first,', 'truncate[2](c) asc')).toEqual({
      kind: 'sort',
      sortBy: [
        { column: 'a' },
        { column: 'b', direction: 'desc', nullOrder: 'nulls-first' },
        { column: 'c', transform: 'truncate[2]', direction: 'asc' },
      ],
    })
    expect(parse('sort', 'none')).toEqual({ kind: 'sort', sortBy: [] })
  })

  it.each<[AlterationName, string[]]>([
    ['add', ['note']],
    ['add', ['note', 'strange']],
    ['drop', []],
    ['drop', ['a', 'b']],
    ['rename', ['a']],
    ['promote', ['a', 'list<int>']],
    ['set', []],
    ['set', ['a']],
    ['set', ['=1']],
    ['unset', []],
    ['partition', ['add']],
    ['partition', ['move', 'a']],
    ['sort', []],
    ['sort', ['a b']],
  ])('refuses %s %j, and says how it is called', (name, words) => {
    expect(() => parse(name, ...words)).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }) as Error,
    )
  })
})

describe('parseType', () => {
  it.each([
    ['string', 'string'],
    ['VARCHAR', 'string'],
    ['decimal( 18 , 8 )', 'decimal(18, 8)'],
    ['fixed[16]', 'fixed[16]'],
  ])('reads %s', (text, type) => {
    expect(parseType(text)).toBe(type)
  })

  it('reads nested types', () => {
    expect(parseType('map<string, list<struct<a: int, b decimal(4,2)>>>')).toEqual({
      type: 'map',
      'key-id': 0,
      key: 'string',
      'value-id': 0,
      'value-required': false,
      value: {
        type: 'list',
        'element-id': 0,
        'element-required': false,
        element: {
          type: 'struct',
          fields: [
            { id: 0, name: 'a', required: false, type: 'int' },
            { id: 0, name: 'b', required: false, type: 'decimal(4, 2)' },
          ],
        },
      },
    })
  })

  it.each(['', 'list', 'list<int', 'map<int>', 'struct<>', 'struct<a>', 'int int', 'decimal', 'x'])(
    'refuses %j',
    (text) => {
      expect(() => parseType(text)).toThrow(/is no type/)
    },
  )
})
