import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CompactionFile,
  defaultCompaction,
  planCompaction,
} from '../../../tables/maintain/plan-compaction.ts'
import { dataFile, positionDelete } from '../commit/commit-lake.ts'

const file = (name: string, facts: { day?: number; sizeBytes?: number } = {}): CompactionFile => ({
  file: dataFile(name, facts),
  deletes: [],
})
const small = (count: number, day: number): CompactionFile[] =>
  Array.from({ length: count }, (_, index) => file(`d${day}-${index}`, { day, sizeBytes: 5_000 }))
const names = (group: readonly CompactionFile[]) => group.map((one) => one.file.filePath)

describe('planCompaction', () => {
  it('leaves 31 small files of a partition alone and makes one of 32', () => {
    expect(planCompaction(small(31, 1), new Set())).toEqual([])
    const files = small(32, 1)
    const [group, ...others] = planCompaction([...files, ...small(31, 2)], new Set())
    expect(others).toEqual([])
    expect(names(group?.files ?? [])).toEqual(names(files))
  })

  it('never touches the tail', () => {
    const files = small(33, 1)
    const tail = new Set(names(files.slice(0, 1)))
    const [group] = planCompaction(files, tail)
    expect(group?.files).toHaveLength(32)
    expect(names(group?.files ?? [])).not.toContain([...tail][0])
    expect(planCompaction(small(32, 1), new Set(names(small(32, 1))))).toEqual([])
  })

  it('does not mix files of different size classes', () => {
    const large = Array.from({ length: 31 }, (_, n) => file(`l${n}`, { day: 1, sizeBytes: 1e6 }))
    expect(planCompaction([...small(31, 1), ...large], new Set())).toEqual([])
  })

  it('rewrites the smallest where a partition has more than 128 files of any size', () => {
    const huge = Array.from({ length: 129 }, (_, n) =>
      file(`h${String(n).padStart(3, '0')}`, { day: 1, sizeBytes: 2e8 + n }),
    )
    const [group] = planCompaction(huge, new Set())
    expect(names(group?.files ?? [])).toEqual(names(huge.slice(0, 32)))
  })

  it('rewrites a file with many deletes alone and takes the delete files that name it along', () => {
    const data = dataFile('sealed', { day: 1, recordCount: 1_000, sizeBytes: 5_000 })
    const deletes = Array.from({ length: 8 }, (_, n) => positionDelete(`d${n}`, data))
    expect(planCompaction([{ file: data, deletes: deletes.slice(1) }], new Set())).toEqual([])
    const { referencedDataFile: _unnamed, ...forAny } = positionDelete('any', data)
    const [group] = planCompaction([{ file: data, deletes: [...deletes, forAny] }], new Set())
    expect(names(group?.files ?? [])).toEqual([data.filePath])
    expect(group?.goneDeletes).toEqual(deletes)
  })

  it('rewrites a file of whose rows a third is deleted', () => {
    const data = dataFile('sealed', { day: 1, recordCount: 9 })
    const worn = { file: data, deletes: [positionDelete('d', data, 3)] }
    expect(planCompaction([worn], new Set())).toHaveLength(1)
    const fresh = { file: data, deletes: [positionDelete('d', data, 2)] }
    expect(planCompaction([fresh], new Set())).toEqual([])
  })

  it('folds in the delete files of those that have most, where there are too many of all', () => {
    const withDeletes = (name: string, count: number): CompactionFile => {
      const { file: data } = file(name, { day: 1, sizeBytes: 2e8 })
      const deletes = Array.from({ length: count }, (_, n) => positionDelete(`${name}-d${n}`, data))
      return { file: { ...data, recordCount: 1_000 }, deletes }
    }
    const twos = Array.from({ length: 35 }, (_, n) => withDeletes(`two-${n}`, 2))
    const seven = withDeletes('seven', 7)
    // 36 files and 77 delete files are 113 together: the 7 are enough.
    const [group, ...others] = planCompaction([...twos, seven], new Set())
    expect(others).toEqual([])
    expect(names(group?.files ?? [])).toEqual([seven.file.filePath])
    expect(group?.goneDeletes).toEqual(seven.deletes)
    expect(planCompaction(twos, new Set())).toEqual([])
  })

  it('keeps files and delete files of a partition under 128 for any repairs', () => {
    const repairs = fc.array(fc.nat(1_000), { minLength: 200, maxLength: 300 })
    fc.assert(
      fc.property(repairs, (sequence) => {
        let files: CompactionFile[] = []
        for (const [index, repaired] of sequence.entries()) {
          const data = dataFile(`f${index}`, { day: 1, recordCount: 1_000, sizeBytes: 2e8 })
          if (index % 3 === 0 && files.length < 60) files.push({ file: data, deletes: [] })
          files = files.map((one, nth) => {
            const name = `d${index}-${nth}`
            const isHit = nth === repaired % files.length || nth === (repaired * 7) % files.length
            if (!isHit) return one
            return { ...one, deletes: [...one.deletes, positionDelete(name, one.file)] }
          })
          for (const group of planCompaction(files, new Set())) {
            const gone = new Set(names(group.files))
            files = files.map((one) =>
              gone.has(one.file.filePath) ? { ...one, deletes: [] } : one,
            )
          }
          const deletes = files.flatMap((one) => one.deletes)
          expect(files.length + deletes.length).toBeLessThanOrEqual(128)
        }
      }),
      { numRuns: 10 },
    )
  })

  it('keeps a partition under 128 files for any sequence of sizes that it is asked after', () => {
    const sizes = fc.array(fc.integer({ min: 1_000, max: 4e8 }), { minLength: 200, maxLength: 600 })
    fc.assert(
      fc.property(sizes, (sequence) => {
        let files: CompactionFile[] = []
        for (const [index, sizeBytes] of sequence.entries()) {
          files.push(file(`f${index}`, { day: 1, sizeBytes }))
          const groups = planCompaction(files, new Set())
          const gone = new Set(groups.flatMap((group) => names(group.files)))
          files = files.filter((one) => !gone.has(one.file.filePath))
          for (const [nth, group] of groups.entries()) {
            const merged = group.files.reduce((sum, one) => sum + one.file.fileSizeBytes, 0)
            files.push(file(`m${index}-${nth}`, { day: 1, sizeBytes: merged }))
          }
          expect(files.length).toBeLessThanOrEqual(defaultCompaction.fileCountMax)
        }
      }),
      { numRuns: 30 },
    )
  })
})
