import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { s3FolderAt, s3LocationOf, s3ObjectAt } from '../../../tables/file-io/s3-location.ts'

describe('S3 locations', () => {
  it('come back as the same key and the same text, whatever is in the names', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !text.includes('/') && text !== '.' && text !== '..')
    const scheme = fc.constantFrom('s3', 's3a', 's3n')
    fc.assert(
      fc.property(scheme, fc.array(name, { minLength: 1, maxLength: 4 }), (spelling, names) => {
        const location = `${spelling}://lake-1.b/${names.join('/')}`
        const place = s3ObjectAt(location)
        expect(place).toEqual({ scheme: spelling, bucket: 'lake-1.b', key: names.join('/') })
        expect(s3LocationOf(place, place.key)).toBe(location)
      }),
    )
  })

  it('of folders end with one slash, and those of buckets with none', () => {
    for (const [location, key] of [
      ['s3://lake', ''],
      ['s3://lake/', ''],
      ['s3://lake/t', 't/'],
      ['s3://lake/t/', 't/'],
      ['s3://lake/t//', 't/'],
    ] as const) {
      expect(s3FolderAt(location)).toEqual({ scheme: 's3', bucket: 'lake', key })
    }
  })

  it('are refused where they name no object of a bucket', () => {
    const wrong = ['s3://lake', 's3://lake/', 's3://lake/a/', 's3:/lake/a', 'file:///a', 's3:///a']
    for (const location of [...wrong, 's3://lake/../b', 's3://lake/./b', 's3://la ke/b', '/a']) {
      expect(() => s3ObjectAt(location)).toThrow(/Nothing was read or written/)
    }
  })
})
