import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CompactionFile } from '../../../tables/maintain/plan-compaction.ts'
import { planRewrite, type RewriteRules } from '../../../tables/maintain/plan-rewrite.ts'
import { dataFile, positionDelete } from '../commit/commit-lake.ts'

const MB = 1_000_000

/** Files of one day with these sizes in MB; a negative one has a delete file. */
function files(sizes: readonly number[], day = 1): CompactionFile[] {
  return sizes.map((size, index) => {
    const file = dataFile(`trades/${day}-${index}`, {
      day,
      sizeBytes: Math.abs(size) * MB,
      recordCount: Math.abs(size) * 1000,
    })
    return { file, deletes: size < 0 ? [positionDelete(`trades/${day}-${index}-d`, file)] : [] }
  })
}

const rules: RewriteRules = {
  strategy: 'bin-pack',
  targetSizeBytes: 100 * MB,
  leastFileCount: 5,
}

function sizesOf(groups: readonly { readonly files: readonly CompactionFile[] }[]) {
  return groups.map((group) => group.files.map(({ file }) => file.fileSizeBytes / MB))
}

const plan = (input: readonly CompactionFile[], what: Partial<RewriteRules> = {}) =>
  planRewrite(input, new Set(), { ...rules, ...what })

describe('bin-pack', () => {
  it('puts small files together up to the target, and leaves good ones alone', () => {
    const input = files([10, 20, 30, 15, 25, 100, 120, 80])
    expect(sizesOf(plan(input))).toEqual([[30, 25, 20, 15, 10]])
  })

  it('leaves few small files alone, unless together they are a good file', () => {
    expect(plan(files([1, 2, 3, 4]))).toEqual([])
    expect(sizesOf(plan(files([40, 45])))).toEqual([[45, 40]])
    expect(sizesOf(plan(files([1, 2]), { leastFileCount: 2 }))).toEqual([[2, 1]])
  })

  it('cuts a file that is far too large into good ones', () => {
    const [group] = plan(files([400]))
    expect(group?.maxRows).toBe(100_000)
    expect(plan(files([150]))).toEqual([])
  })

  it('rewrites a file with deletes whatever its size, and the delete file goes along', () => {
    const [group] = plan(files([-100]))
    expect(group?.goneDeletes.map(({ filePath }) => filePath)).toEqual([
      'memory://lake/warehouse/lake/trades/1-0-d.parquet',
    ])
  })

  it('never mixes partitions', () => {
    const groups = plan([...files([1, 1, 1, 1, 1], 1), ...files([2, 2, 2, 2, 2], 2)])
    expect(sizesOf(groups)).toEqual([
      [1, 1, 1, 1, 1],
      [2, 2, 2, 2, 2],
    ])
  })

  it('takes what is in question and leaves the tail alone', () => {
    const input = [...files([1, 1, 1, 1, 1, 1], 1), ...files([1, 1, 1, 1, 1], 2)]
    const isInScope: RewriteRules['isInScope'] = ({ partition }) => partition['day'] === 1
    const tail = new Set([input[0]?.file.filePath ?? ''])
    expect(sizesOf(planRewrite(input, tail, { ...rules, isInScope }))).toEqual([[1, 1, 1, 1, 1]])
  })

  it('takes no file twice and loses none that is due, for any sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -300, max: 300 }), { maxLength: 40 }), (sizes) => {
        const input = files(sizes.filter((size) => size !== 0))
        const groups = plan(input)
        const taken = groups.flatMap((group) => group.files)
        expect(new Set(taken).size).toBe(taken.length)
        const isDue = ({ file, deletes }: CompactionFile) =>
          deletes.length > 0 || file.fileSizeBytes > 180 * MB
        expect(input.filter((one) => isDue(one) && !taken.includes(one))).toEqual([])
        for (const group of groups) {
          if (group.files.length === 1) continue
          const size = group.files.reduce((sum, { file }) => sum + file.fileSizeBytes, 0)
          expect(size).toBeLessThanOrEqual(100 * MB)
        }
      }),
    )
  })
})

describe('sort', () => {
  it('writes whole partitions anew, as many files as the target asks for', () => {
    const groups = plan([...files([100, 100], 1), ...files([10], 2)], { strategy: 'sort' })
    expect(sizesOf(groups)).toEqual([[100, 100], [10]])
    expect(groups.map((group) => group.maxRows)).toEqual([100_000, 10_000])
  })

  it('leaves a partition alone that is one file in the order already', () => {
    const [one] = files([10])
    if (one === undefined) throw new Error('no file')
    const sorted = { ...one, file: { ...one.file, sortOrderId: 1 } }
    expect(plan([sorted], { strategy: 'sort', sortOrderId: 1 })).toEqual([])
    expect(plan([sorted], { strategy: 'sort', sortOrderId: 2 })).toHaveLength(1)
  })
})

it.each([{ targetSizeBytes: 10 }, { leastFileCount: 0 }, { targetSizeBytes: Number.NaN }])(
  'refuses %j',
  (what) => {
    expect(() => plan([], what)).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }) as Error,
    )
  },
)
