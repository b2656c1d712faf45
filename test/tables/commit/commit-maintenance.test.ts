import { describe, expect, it } from 'vitest'
import { commitMaintenance } from '../../../tables/commit/commit-maintenance.ts'
import { committedCut } from '../../../tables/spec/cut-history.ts'
import { loadTailPaths } from '../../../tables/commit/snapshot-manifests.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import { SluiceError } from '../../../tables/errors.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  CUTS,
  dataFile,
  openCommitLake,
  positionDelete,
  TRADES,
} from './commit-lake.ts'
import { liveNames, readSummary } from './read-lake.ts'

const sealed = [1, 2].map((n) => dataFile(`bars/sealed-${n}`, { recordCount: 5 }))
const tail = dataFile('bars/tail')
const merged = dataFile('bars/merged', { recordCount: 10 })

const seal = change(BARS, {
  operation: 'overwrite',
  addDataFiles: [...sealed, tail],
  tailPaths: new Set([tail.filePath]),
})

function rewrite(what: Partial<TableChange> = {}) {
  return change(BARS, {
    operation: 'replace',
    addDataFiles: [merged],
    removePaths: sealed.map((file) => file.filePath),
    ...what,
  })
}

const maintain = (lake: CommitLake, afterCut: number, what: TableChange = rewrite()) =>
  commitMaintenance(lake.context, {
    cutsTable: CUTS,
    afterCut: () => afterCut,
    token: 'maintenance-token',
    changes: [what],
  })

describe('commitMaintenance', () => {
  it('replaces files without a cut number, rows and tail unchanged', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [seal] })
    const cutsBefore = (await lake.load(CUTS)).metadataLocation
    await maintain(lake, 1)
    expect(await liveNames(lake, BARS)).toEqual(['merged', 'tail'])
    const summary = await readSummary(lake, BARS)
    expect(summary).toMatchObject({
      operation: 'replace',
      'sluice.after-cut': '1',
      'total-records': '20',
      'added-records': '10',
      'deleted-records': '10',
    })
    expect(summary['sluice.cut']).toBeUndefined()
    const bars = await lake.load(BARS)
    expect(await loadTailPaths(lake.context, bars.metadata)).toEqual(new Set([tail.filePath]))
    expect((await lake.load(CUTS)).metadataLocation).toBe(cutsBefore)
  })

  it('lets the next cut go on from it', async () => {
    const lake = await openCommitLake()
    const { snapshotIds } = await cut(lake, { cutNumber: 1, changes: [seal] })
    await maintain(lake, 1)
    const next = dataFile('bars/tail-2')
    const replaced = change(BARS, {
      operation: 'overwrite',
      addDataFiles: [next],
      tailPaths: new Set([next.filePath]),
      removePaths: [tail.filePath],
      baseSnapshotId: snapshotIds.get('lake.bars') ?? 0n,
      // A replace changes no row, so it touches nothing.
      isTouchedByForeign: () => true,
    })
    await cut(lake, { cutNumber: 2, changes: [replaced] })
    expect(await liveNames(lake, BARS)).toEqual(['merged', 'tail-2'])
  })

  it('compacts the cuts table itself and the last cut is still known', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [seal] })
    await cut(lake, { cutNumber: 2, changes: [change(TRADES, { addDataFiles: [dataFile('t')] })] })
    const rows = [1, 2].map((n) => dataFile(`cuts/data/cut-${n}--1`).filePath)
    await maintain(
      lake,
      2,
      change(CUTS, {
        operation: 'replace',
        addDataFiles: [dataFile('cuts/both', { recordCount: 2 })],
        removePaths: rows,
      }),
    )
    expect(committedCut((await lake.load(CUTS)).metadata)).toMatchObject({ cutNumber: 2 })
    await cut(lake, { cutNumber: 3, changes: [change(TRADES, { addDataFiles: [dataFile('u')] })] })
    expect(await liveNames(lake, CUTS)).toEqual(['both', 'cut-3--1'])
  })

  it('is refused where another writer committed a cut', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [seal] })
    await cut(lake, { cutNumber: 2, changes: [change(TRADES, { addDataFiles: [dataFile('t')] })] })
    await expect(maintain(lake, 1)).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(await liveNames(lake, BARS)).toEqual(['sealed-1', 'sealed-2', 'tail'])
  })

  it('does not bring rows back that a cut deleted while files were rewritten', async () => {
    const lake = await openCommitLake()
    const { snapshotIds } = await cut(lake, { cutNumber: 1, changes: [seal] })
    const [first] = sealed
    if (first === undefined) throw new Error('no file')
    const repair = change(BARS, {
      operation: 'overwrite',
      addDeletes: [positionDelete('bars/repair', first)],
      mustBeLive: [first.filePath],
    })
    await cut(lake, { cutNumber: 2, changes: [repair] })
    const late = maintain(lake, 2, rewrite({ baseSnapshotId: snapshotIds.get('lake.bars') ?? 0n }))
    await expect(late).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(await liveNames(lake, BARS)).toEqual(['repair', 'sealed-1', 'sealed-2', 'tail'])
  })

  it('folds delete files in: they go with the file that they name', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [seal] })
    const deletes = sealed.map((file, n) => positionDelete(`bars/delete-${n}`, file))
    const repair = change(BARS, { operation: 'overwrite', addDeletes: deletes })
    await cut(lake, { cutNumber: 2, changes: [repair] })
    const [gone] = deletes
    await maintain(lake, 2, rewrite({ removeDeletePaths: [gone?.filePath ?? ''] }))
    expect(await liveNames(lake, BARS)).toEqual(['delete-1', 'merged', 'tail'])
    expect(await readSummary(lake, BARS)).toMatchObject({
      'total-delete-files': '1',
      'removed-position-deletes': '1',
    })
  })

  it('lands once where the answer is lost', async () => {
    let calls = 0
    const lake = await openCommitLake({
      wrapCatalog: (inner) => ({
        ...inner,
        commitTransaction: async (commits) => {
          const tables = await inner.commitTransaction(commits)
          calls += 1
          if (calls === 2) throw new SluiceError('commit-state-unknown', 'the answer was lost')
          return tables
        },
      }),
    })
    await cut(lake, { cutNumber: 1, changes: [seal] })
    const { snapshotIds } = await maintain(lake, 1)
    const { metadata } = await lake.load(BARS)
    expect(snapshotIds.get('lake.bars')).toBe(metadata['current-snapshot-id'])
    expect(metadata.snapshots).toHaveLength(2)
    expect(calls).toBe(2)
  })

  it('commits nothing but replaced files', async () => {
    const lake = await openCommitLake()
    const append = change(TRADES, { addDataFiles: [dataFile('t')] })
    await expect(maintain(lake, 0, append)).rejects.toMatchObject({ kind: 'invalid-input' })
  })
})
