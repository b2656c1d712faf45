import { describe, expect, it } from 'vitest'
import type { ChangeConflict, TableChange } from '../../../tables/commit/table-change.ts'
import {
  append,
  BARS,
  change,
  commitForeign,
  type CommitLake,
  cut,
  dataFile,
  interfere,
  openCommitLake,
  positionDelete,
  TRADES,
} from './commit-lake.ts'
import { liveNames, readSummary } from './read-lake.ts'

describe('commitCut beside foreign commits', () => {
  it('lands with both where a foreign append comes between', async () => {
    const rival: { lake?: CommitLake } = {}
    const lake = await openCommitLake({
      wrapCatalog: interfere(1, async (inner) => {
        if (rival.lake !== undefined) await commitForeign(rival.lake, append(TRADES, 'f'), inner)
      }),
    })
    rival.lake = lake
    const committed = await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    expect(committed.attemptCount).toBe(2)
    expect(await liveNames(lake, TRADES)).toEqual(['f', 't1'])
    expect(await readSummary(lake, TRADES)).toMatchObject({ 'total-data-files': '2' })
  })

  it('derives again where a foreign commit removed the tail', async () => {
    const lake = await openCommitLake()
    const tail = (n: number) => dataFile(`bars/data/tail-${n}`)
    const first = change(BARS, {
      operation: 'overwrite',
      addDataFiles: [tail(1)],
      tailPaths: new Set([tail(1).filePath]),
    })
    const { snapshotIds } = await cut(lake, { cutNumber: 1, changes: [first] })
    await commitForeign(
      lake,
      change(BARS, { operation: 'overwrite', removePaths: [tail(1).filePath] }),
    )
    const conflicts: ChangeConflict[] = []
    const replacing = change(BARS, {
      operation: 'overwrite',
      addDataFiles: [tail(2)],
      tailPaths: new Set([tail(2).filePath]),
      removePaths: [tail(1).filePath],
      baseSnapshotId: snapshotIds.get('lake.bars') ?? 0n,
    })
    await expect(cut(lake, { cutNumber: 2, changes: [replacing] })).rejects.toMatchObject({
      kind: 'commit-conflict',
      isRetryable: true,
    })
    const derived: readonly TableChange[] = [{ ...first, addDataFiles: [tail(3)] }]
    await cut(lake, {
      cutNumber: 2,
      changes: [replacing],
      rederive: ((conflict: ChangeConflict) => {
        conflicts.push(conflict)
        return Promise.resolve(derived)
      }) as () => Promise<readonly TableChange[]>,
    })
    expect(conflicts).toEqual([{ tables: ['lake.bars'], missingPaths: [tail(1).filePath] }])
    expect(await liveNames(lake, BARS)).toEqual(['tail-3'])
  })

  it('does not fit where foreign files touch what it was derived from', async () => {
    const lake = await openCommitLake()
    const { snapshotIds } = await cut(lake, { cutNumber: 1, changes: [append(BARS, 'b1')] })
    await commitForeign(lake, change(BARS, { addDataFiles: [dataFile('f', { day: 7 })] }))
    const onDay = (day: number) =>
      change(BARS, {
        addDataFiles: [dataFile('b2', { day })],
        baseSnapshotId: snapshotIds.get('lake.bars') ?? 0n,
        isTouchedByForeign: (files) => files.some((file) => file.partition['day'] === day),
      })
    const touched = cut(lake, { cutNumber: 2, changes: [onDay(7)] })
    await expect(touched).rejects.toThrow(/foreign commits touched what it was derived from/)
    await cut(lake, { cutNumber: 2, changes: [onDay(8)] })
    expect(await liveNames(lake, BARS)).toEqual(['b1', 'b2', 'f'])
  })

  it('does not remove a file from which others deleted rows meanwhile', async () => {
    const lake = await openCommitLake()
    const old = dataFile('bars/data/old')
    const { snapshotIds } = await cut(lake, {
      cutNumber: 1,
      changes: [change(BARS, { addDataFiles: [old] })],
    })
    const foreignDelete = positionDelete('bars/data/foreign-delete', old)
    await commitForeign(lake, change(BARS, { operation: 'overwrite', addDeletes: [foreignDelete] }))
    const replacing = change(BARS, {
      operation: 'overwrite',
      addDataFiles: [dataFile('bars/data/new')],
      removePaths: [old.filePath],
      baseSnapshotId: snapshotIds.get('lake.bars') ?? 0n,
    })
    await expect(cut(lake, { cutNumber: 2, changes: [replacing] })).rejects.toMatchObject({
      kind: 'commit-conflict',
    })
    expect(await liveNames(lake, BARS)).toEqual(['foreign-delete', 'old'])
  })
})
