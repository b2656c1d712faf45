import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLive } from '../../../tables/commit/compose-manifests.ts'
import { loadTailPaths } from '../../../tables/commit/snapshot-manifests.ts'
import type { ContentFile, DataFile, PositionDelete } from '../../../tables/spec/manifest.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  dataFile,
  openCommitLake,
  positionDelete,
} from './commit-lake.ts'
import { readManifests, readSummary } from './read-lake.ts'

/** What one cut does, by indexes into what is there. */
const steps = fc.array(
  fc.record({
    addCount: fc.integer({ min: 0, max: 12 }),
    removed: fc.array(fc.nat(), { maxLength: 6 }),
    repaired: fc.array(fc.nat(), { maxLength: 2 }),
    hasTail: fc.boolean(),
    day: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 40 },
)

/** What a table holds, kept by hand. */
interface Model {
  data: DataFile[]
  deletes: PositionDelete[]
  tail: DataFile | undefined
}

describe('commitCut over random changes', () => {
  it('lists exactly the live files, with manifests and totals that say so', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const lake = await openCommitLake()
        const model: Model = { data: [], deletes: [], tail: undefined }
        for (const [index, step] of sequence.entries()) {
          await applyStep(lake, model, index + 1, step)
        }
        await checkAgainst(lake, model)
      }),
      { numRuns: 25 },
    )
  }, 120_000)
})

type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never

async function applyStep(lake: CommitLake, model: Model, cutNumber: number, step: Step) {
  const pick = (indexes: readonly number[]) => [
    ...new Set(indexes.flatMap((at) => model.data[at % Math.max(1, model.data.length)] ?? [])),
  ]
  const removed = pick(step.removed)
  const gone = new Set(removed.map((file) => file.filePath))
  const repaired = pick(step.repaired).filter((file) => !gone.has(file.filePath))
  const added = Array.from({ length: step.addCount }, (_, n) =>
    dataFile(`f-${cutNumber}-${n}`, { day: step.day, recordCount: cutNumber + n }),
  )
  const deletes = repaired.map((file, n) => positionDelete(`d-${cutNumber}-${n}`, file))
  const dropped = model.deletes.filter((one) => gone.has(one.referencedDataFile ?? ''))
  const tail = step.hasTail ? dataFile(`tail-${cutNumber}`, { day: step.day }) : undefined
  await cut(lake, {
    cutNumber,
    changes: [
      change(BARS, {
        operation: 'overwrite',
        addDataFiles: tail === undefined ? added : [...added, tail],
        tailPaths: new Set(tail === undefined ? [] : [tail.filePath]),
        addDeletes: deletes,
        removePaths: [...gone, ...(tail && model.tail ? [model.tail.filePath] : [])],
        removeDeletePaths: dropped.map((one) => one.filePath),
        mustBeLive: repaired.map((file) => file.filePath),
      }),
    ],
  })
  model.data = [...model.data.filter((file) => !gone.has(file.filePath)), ...added]
  model.deletes = [...model.deletes.filter((one) => !dropped.includes(one)), ...deletes]
  model.tail = tail ?? model.tail
}

async function checkAgainst(lake: CommitLake, model: Model) {
  const tail = model.tail === undefined ? [] : [model.tail]
  const expected: ContentFile[] = [...model.data, ...tail, ...model.deletes]
  const manifests = await readManifests(lake, BARS)
  const live = manifests.flatMap(({ entries }) => entries.filter(isLive).map((one) => one.file))
  const paths = (files: readonly ContentFile[]) => files.map((file) => file.filePath).sort()
  expect(paths(live)).toEqual(paths(expected))

  for (const { manifest, entries } of manifests) {
    const stat = await lake.context.fileIO.stat(manifest.manifestPath)
    expect(manifest.manifestLength).toBe(stat?.sizeBytes)
    for (const status of ['added', 'existing', 'deleted'] as const) {
      const ofStatus = entries.filter((entry) => entry.status === status)
      const rows = ofStatus.reduce((sum, entry) => sum + entry.file.recordCount, 0)
      expect(manifest[`${status}FilesCount`]).toBe(ofStatus.length)
      expect(manifest[`${status}RowsCount`]).toBe(rows)
    }
    const isOfContent = entries.every(
      ({ file }) => (file.content === 'data') === (manifest.content === 'data'),
    )
    expect(isOfContent).toBe(true)
  }
  const { metadata } = await lake.load(BARS)
  const tailPaths = await loadTailPaths(lake.context, metadata)
  expect([...tailPaths]).toEqual(paths(tail))

  const count = (content: ContentFile['content']) => expected.filter((f) => f.content === content)
  const rows = (files: readonly ContentFile[]) =>
    String(files.reduce((sum, file) => sum + file.recordCount, 0))
  if (metadata.snapshots.length === 0) return
  expect(await readSummary(lake, BARS)).toMatchObject({
    'total-data-files': String(count('data').length),
    'total-records': rows(count('data')),
    'total-delete-files': String(count('position-deletes').length),
    'total-position-deletes': rows(count('position-deletes')),
  })
}
