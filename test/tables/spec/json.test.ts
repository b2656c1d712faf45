import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { parseJson, stringifyJson } from '../../../tables/spec/json.ts'

const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string(),
    fc.constantFrom('":9223372036854775807,', '\\":[1234567890123456789]', '\\', '\uF8FF12', '"'),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
})).value

describe('JSON with 64-bit integers', () => {
  it('keeps integers beyond 2^53 as bigint, and only those', () => {
    const text = '{"a":9007199254740991,"b":9007199254740993,"c":[-9223372036854775808,12]}'
    expect(parseJson(text)).toEqual({
      a: 9007199254740991,
      b: 9007199254740993n,
      c: [-9223372036854775808n, 12],
    })
  })

  it('takes fractions and exponents for numbers, however many digits they have', () => {
    expect(
      parseJson('[1.1234567890123456789, 12345678901234567.5, 1234567890123456789e1]'),
    ).toEqual([1.1234567890123457, 12345678901234567.5, 12345678901234567890])
  })

  it('leaves digits inside of texts alone', () => {
    const text = String.raw`{"a\":1234567890123456789,":"[1234567890123456789]","b":"\\","c":1234567890123456789}`
    expect(parseJson(text)).toEqual({
      'a":1234567890123456789,': '[1234567890123456789]',
      b: '\\',
      c: 1234567890123456789n,
    })
  })

  it('is not misled by a text that looks like its own mark', () => {
    expect(parseJson('["\uF8FF5", 1234567890123456789]')).toEqual(['\uF8FF5', 1234567890123456789n])
    expect(parseJson('["\\uf8ff5", 1234567890123456789]')).toEqual([
      '\uF8FF5',
      1234567890123456789n,
    ])
  })

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(parseJson(stringifyJson(value))).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  it('writes what JSON.stringify writes where there is no bigint', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(stringifyJson(value)).toBe(JSON.stringify(value))
      }),
    )
    expect(stringifyJson({ a: undefined, b: [undefined] })).toBe('{"b":[null]}')
  })

  it('says that broken text is corrupt data', () => {
    for (const text of ['', '{', '{"a":012345678901234567890}', '[1234567890123456789']) {
      expect(isErrorKind(thrownBy(text), 'corrupt-data')).toBe(true)
    }
  })
})

function thrownBy(text: string): unknown {
  try {
    parseJson(text)
  } catch (error) {
    return error
  }
  return undefined
}
