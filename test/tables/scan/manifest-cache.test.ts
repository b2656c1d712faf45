import { describe, expect, it } from 'vitest'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import type { ManifestEntry } from '../../../tables/spec/manifest.ts'

const entries = (count: number): readonly ManifestEntry[] =>
  Array.from({ length: count }, () => ({}) as ManifestEntry)

describe('a manifest cache', () => {
  it('drops what was not used for longest once it holds too many entries', () => {
    const cache = createManifestCache({ entryCountMax: 12 })
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
    const cache = createManifestCache({ entryCountMax: 5 })
    cache.putEntries('a', entries(2))
    cache.putEntries('huge', entries(5))
    expect(cache.getEntries('huge')).toBeUndefined()
    expect(cache.getEntries('a')).toHaveLength(2)
  })

  it('counts a path once however often it is put', () => {
    const cache = createManifestCache({ entryCountMax: 6 })
    for (let round = 0; round < 10; round += 1) cache.putEntries('a', entries(2))
    cache.putEntries('b', entries(2))
    expect(cache.getEntries('a')).toHaveLength(2)
    expect(cache.getEntries('b')).toHaveLength(2)
  })

  it('bounds empty manifests too', () => {
    const cache = createManifestCache({ entryCountMax: 3 })
    for (const path of ['a', 'b', 'c', 'd']) cache.putEntries(path, [])
    expect(cache.getEntries('a')).toBeUndefined()
    expect(cache.getEntries('d')).toEqual([])
  })
})
