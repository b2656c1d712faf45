import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import type { ManifestCache } from '../../../tables/scan/manifest-cache.ts'
import type { ContentFile, Manifest, ManifestEntry } from '../../../tables/spec/manifest.ts'
import { makeDataFile } from '../../support/data-file.ts'
import { dataEntries } from '../write/arbitrary-entries.ts'

const entry = (filePath: string): ManifestEntry => ({
  status: 'added',
  snapshotId: 1n,
  sequenceNumber: 1,
  fileSequenceNumber: 1,
  file: makeDataFile(filePath, {
    valueCounts: new Map([[1, 5]]),
    nullValueCounts: new Map([[1, 0]]),
    lowerBounds: new Map([[1, Buffer.from('lower')]]),
    upperBounds: new Map([[1, Buffer.from('upper')]]),
  }),
})

const entries = (count: number): readonly ManifestEntry[] =>
  Array.from({ length: count }, (_, index) => entry(`memory://f${index % 10}`))

/** What a cache weighs once it holds manifests of so many entries. */
const weightOf = (...counts: readonly number[]): number => {
  const cache = createManifestCache()
  for (const [index, count] of counts.entries()) cache.putEntries(`${index}`, entries(count))
  return cache.sizeBytes
}

/** A file with its maps as lists of pairs and its bounds as text. */
const plain = (file: ContentFile): unknown => {
  const hex = (map: ReadonlyMap<number, Uint8Array>): unknown =>
    [...map].map(([id, bytes]) => [id, Buffer.from(bytes).toString('hex')])
  return {
    ...file,
    columnSizes: [...file.columnSizes],
    valueCounts: [...file.valueCounts],
    nullValueCounts: [...file.nullValueCounts],
    nanValueCounts: [...file.nanValueCounts],
    lowerBounds: hex(file.lowerBounds),
    upperBounds: hex(file.upperBounds),
  }
}

describe('a manifest cache', () => {
  it('drops what was not used for longest once it weighs too much', () => {
    const cache = createManifestCache({ sizeBytesMax: weightOf(3, 3, 3) })
    cache.putEntries('a', entries(3))
    cache.putEntries('b', entries(3))
    cache.putEntries('c', entries(3))
    expect(cache.getEntries('a')).toHaveLength(3)
    cache.putEntries('d', entries(3))
    expect(cache.getEntries('b')).toBeUndefined()
    expect(cache.getEntries('a')).toHaveLength(3)
    expect(cache.getEntries('c')).toHaveLength(3)
  })

  it('does not throw everything out for a manifest that can never fit', () => {
    const cache = createManifestCache({ sizeBytesMax: weightOf(5) })
    cache.putEntries('a', entries(2))
    cache.putEntries('huge', entries(6))
    expect(cache.getEntries('huge')).toBeUndefined()
    expect(cache.getEntries('a')).toHaveLength(2)
  })

  it('counts a path once however often it is put', () => {
    const cache = createManifestCache({ sizeBytesMax: weightOf(2, 2) })
    for (let round = 0; round < 10; round += 1) cache.putEntries('a', entries(2))
    cache.putEntries('b', entries(2))
    expect(cache.getEntries('a')).toHaveLength(2)
    expect(cache.getEntries('b')).toHaveLength(2)
  })

  it('bounds empty manifests too', () => {
    const cache = createManifestCache({ sizeBytesMax: weightOf(0, 0, 0) })
    for (const path of ['a', 'b', 'c', 'd']) cache.putEntries(path, [])
    expect(cache.getEntries('a')).toBeUndefined()
    expect(cache.getEntries('d')).toEqual([])
  })

  it('bounds manifests and their lists together', () => {
    const line = { manifestPath: 'memory://m', partitions: [] } as unknown as Manifest
    const cache = createManifestCache({ sizeBytesMax: weightOf(10) })
    cache.putEntries('a', entries(5))
    for (let index = 0; index < 100; index += 1) cache.putManifests(`list ${index}`, [line])
    expect(cache.getEntries('a')).toBeUndefined()
    expect(cache.getManifests('list 99')).toEqual([line])
    expect(cache.getManifests('list 0')).toBeUndefined()
  })

  it('never weighs more than its bound, whatever is put', () => {
    const sizeBytesMax = weightOf(40)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(30)), { maxLength: 40 }), (puts) => {
        const cache = createManifestCache({ sizeBytesMax })
        for (const [path, count] of puts) {
          cache.putEntries(`${path}`, entries(count))
          expect(cache.sizeBytes).toBeLessThanOrEqual(sizeBytesMax)
        }
        expect(cache.sizeBytes).toBe(weightOfHeld(cache))
      }),
    )
  })

  it('gives back what was put, for any file', () => {
    fc.assert(
      fc.property(dataEntries, (put) => {
        const cache = createManifestCache()
        cache.putEntries('a', put)
        const held = cache.getEntries('a') ?? []
        expect(held.map(({ file }) => plain(file))).toEqual(put.map(({ file }) => plain(file)))
        for (const [index, { file }] of put.entries()) {
          const bounds = held[index]?.file.lowerBounds
          for (const [id, bytes] of file.lowerBounds) {
            expect(Buffer.from(bounds?.get(id) ?? [])).toEqual(Buffer.from(bytes))
          }
          expect(bounds?.size).toBe(file.lowerBounds.size)
          expect(bounds?.get(-1)).toBeUndefined()
        }
      }),
      { numRuns: 50 },
    )
  })
})

function weightOfHeld(cache: ManifestCache): number {
  const fresh = createManifestCache()
  for (let path = 0; path < 10; path += 1) {
    const held = cache.getEntries(`${path}`)
    if (held !== undefined) fresh.putEntries(`${path}`, held)
  }
  return fresh.sizeBytes
}
