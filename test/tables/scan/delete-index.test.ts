import { describe, expect, it } from 'vitest'
import { createDeleteIndex } from '../../../tables/scan/delete-index.ts'
import type { DataFile, DeleteFile, ManifestEntry } from '../../../tables/spec/manifest.ts'
import type { PartitionSpec } from '../../../tables/spec/partition-spec.ts'
import { makeDataFile } from '../../support/data-file.ts'

const venue = { 'source-id': 1, 'field-id': 1000, name: 'venue' } as const
const specs: readonly PartitionSpec[] = [
  { 'spec-id': 0, fields: [] },
  { 'spec-id': 1, fields: [{ ...venue, transform: 'identity' }] },
  { 'spec-id': 2, fields: [{ ...venue, transform: 'void' }] },
]
type Place = Pick<DataFile, 'specId' | 'partition'>
const unpartitioned: Place = { specId: 0, partition: {} }
const dropped: Place = { specId: 2, partition: { venue: null } }
const inVenue = (name: string | null): Place => ({ specId: 1, partition: { venue: name } })

function dataFile(place: Place = unpartitioned): DataFile {
  return makeDataFile('memory://d', place)
}

function equality(name: string, place: Place): DeleteFile {
  return { ...makeDataFile(name, place), content: 'equality-deletes', equalityIds: [1] }
}

function positions(name: string, place: Place, referencedDataFile?: string): DeleteFile {
  const file = { ...makeDataFile(name, place), content: 'position-deletes' as const }
  return referencedDataFile === undefined ? file : { ...file, referencedDataFile }
}

function vector(name: string, place: Place, referencedDataFile = 'memory://d'): DeleteFile {
  return {
    ...makeDataFile(name, place),
    content: 'deletion-vector',
    fileFormat: 'PUFFIN',
    referencedDataFile,
    contentOffset: 4,
    contentSizeBytes: 50,
  }
}

function namesFor(
  deletes: readonly (readonly [DeleteFile, number])[],
  file: DataFile,
  dataSequenceNumber: number,
): readonly string[] {
  const entries = deletes.map(([one, sequenceNumber]): ManifestEntry => ({
    status: 'added',
    snapshotId: 1n,
    sequenceNumber,
    fileSequenceNumber: sequenceNumber,
    file: one,
  }))
  const found = createDeleteIndex(entries, specs).deletesFor(file, dataSequenceNumber)
  return found.map((live) => live.file.filePath).toSorted()
}

describe('the deletes of a data file', () => {
  it('by value are those that are newer; by position those of its own commit too', () => {
    const deletes = [1, 2, 3].flatMap((sequence) => [
      [equality(`e${sequence}`, unpartitioned), sequence] as const,
      [positions(`p${sequence}`, unpartitioned), sequence] as const,
    ])
    expect(namesFor(deletes, dataFile(), 2)).toEqual(['e3', 'p2', 'p3'])
  })

  it('by value are those of its partition, or of a spec without partitions', () => {
    const deletes = [
      [equality('a', inVenue('a')), 5],
      [equality('b', inVenue('b')), 5],
      [equality('null', inVenue(null)), 5],
      [equality('all', unpartitioned), 5],
      [equality('all-void', dropped), 5],
    ] as const
    expect(namesFor(deletes, dataFile(inVenue('a')), 1)).toEqual(['a', 'all', 'all-void'])
    expect(namesFor(deletes, dataFile(inVenue(null)), 1)).toEqual(['all', 'all-void', 'null'])
    expect(namesFor(deletes, dataFile(), 1)).toEqual(['all', 'all-void'])
  })

  it('by position are those of its partition alone: a spec without partitions is one too', () => {
    const deletes = [
      [positions('a', inVenue('a')), 5],
      [positions('all', unpartitioned), 5],
      [positions('named', inVenue('a'), 'memory://d'), 5],
      [positions('other', inVenue('a'), 'memory://other'), 5],
    ] as const
    expect(namesFor(deletes, dataFile(inVenue('a')), 1)).toEqual(['a', 'named'])
  })

  it('are a vector, which stands for all position deletes that are not newer', () => {
    const deletes = [
      [vector('v', unpartitioned), 5],
      [positions('older', unpartitioned), 4],
      [positions('same', unpartitioned, 'memory://d'), 5],
      [positions('newer', unpartitioned), 6],
      [equality('e', unpartitioned), 3],
    ] as const
    expect(namesFor(deletes, dataFile(), 1)).toEqual(['e', 'newer', 'v'])
    const other = { ...dataFile(), filePath: 'memory://other' }
    expect(namesFor(deletes, other, 1)).toEqual(['e', 'newer', 'older'])
  })

  it('are not a vector that is older than the file: the name was used before', () => {
    expect(namesFor([[vector('v', unpartitioned), 5]], dataFile(), 6)).toEqual([])
  })

  it('cannot be known where two vectors name the file', () => {
    const deletes = [
      [vector('v1', unpartitioned), 5],
      [vector('v2', unpartitioned), 6],
    ] as const
    expect(() => namesFor(deletes, dataFile(), 1)).toThrow(
      expect.objectContaining({ kind: 'corrupt-data', context: { dataFile: 'memory://d' } }),
    )
  })

  it.each([
    ['position delete', positions('p', inVenue('b'), 'memory://d')],
    ['vector', vector('v', inVenue('b'))],
    ['vector of another spec', vector('v', unpartitioned)],
  ])('cannot be trusted where a %s names a file of another partition', (_, one) => {
    expect(() => namesFor([[one, 5]], dataFile(inVenue('a')), 1)).toThrow(
      /another partition or spec/,
    )
  })
})
