import { describe, expect, it } from 'vitest'
import { cherryPick } from '../../../tables/maintain/cherry-pick.ts'
import { rollBackTable } from '../../../tables/maintain/roll-back-table.ts'
import { verifyHeads } from '../../../tables/commit/verify-heads.ts'
import { stageTable } from '../../../tables/commit/stage-table.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import {
  append,
  change,
  type CommitLake,
  commitForeign,
  cut,
  CUTS,
  DATA_TABLES,
  dataFile,
  IDLE,
  openCommitLake,
  positionDelete,
  TRADES,
} from '../commit/commit-lake.ts'
import { liveNames, readLive, nameOf, readSummary } from '../commit/read-lake.ts'

/** A snapshot that is in the table but on no branch, as write-audit-publish makes it. */
async function stageOnly(
  lake: CommitLake,
  what: TableChange,
  summary: Readonly<Record<string, string>> = {},
): Promise<bigint> {
  const table = await lake.load(TRADES)
  const snapshotId = lake.context.ids.snapshotId()
  const timestampMs = table.metadata['last-updated-ms']
  const staged = await stageTable(lake.context, {
    table,
    change: what,
    snapshotId,
    timestampMs,
    summary,
  })
  await lake.context.catalog.commitTransaction([
    {
      identifier: TRADES,
      requirements: [],
      updates: [{ action: 'add-snapshot', snapshot: staged.snapshot }],
    },
  ])
  return snapshotId
}

async function lakeWithCut(): Promise<CommitLake> {
  const lake = await openCommitLake()
  await cut(lake, { cutNumber: 1, changes: [append(TRADES, 'trades/one')] })
  return lake
}

const pick = (lake: CommitLake, snapshotId: bigint) =>
  cherryPick(lake.context, {
    cutsTable: CUTS,
    identifier: TRADES,
    snapshotId,
    afterCut: () => 1,
  })

describe('cherryPick', () => {
  it('moves main where the snapshot was made on its head, and writes nothing', async () => {
    const lake = await lakeWithCut()
    const staged = await stageOnly(lake, append(TRADES, 'trades/staged'))
    expect(await liveNames(lake, TRADES)).toEqual(['one'])
    const { result } = await pick(lake, staged)
    expect(result).toEqual({ kind: 'fast-forward', snapshotId: staged })
    expect((await lake.load(TRADES)).metadata['current-snapshot-id']).toBe(staged)
    expect(await liveNames(lake, TRADES)).toEqual(['one', 'staged'])
  })

  it('adds the files of an append again where main has moved on', async () => {
    const lake = await lakeWithCut()
    const staged = await stageOnly(lake, append(TRADES, 'trades/staged'), { 'wap.id': 'audit-7' })
    await commitForeign(lake, append(TRADES, 'trades/later'))
    const { result } = await pick(lake, staged)
    expect(result.kind).toBe('replay')
    expect(await liveNames(lake, TRADES)).toEqual(['later', 'one', 'staged'])
    const picked = (await readLive(lake, TRADES)).find(
      ({ file }) => nameOf(file.filePath) === 'staged',
    )
    expect(picked).toMatchObject({ snapshotId: result.snapshotId, sequenceNumber: 4 })
    expect(await readSummary(lake, TRADES)).toMatchObject({
      operation: 'append',
      'source-snapshot-id': String(staged),
      'published-wap-id': 'audit-7',
      'added-data-files': '1',
      'total-data-files': '3',
    })
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 'trades/two')] })
  })

  it('never picks one snapshot twice', async () => {
    const lake = await lakeWithCut()
    const staged = await stageOnly(lake, append(TRADES, 'trades/staged'))
    await commitForeign(lake, append(TRADES, 'trades/later'))
    await pick(lake, staged)
    await expect(pick(lake, staged)).rejects.toThrow(/part of main already/)
  })

  it("refuses one table's part of a cut, whose rows the sources bring again", async () => {
    const lake = await lakeWithCut()
    const staged = await stageOnly(lake, append(TRADES, 'trades/of-cut'), { 'sluice.cut': '2' })
    await expect(pick(lake, staged)).rejects.toThrow(/part of cut 2.*rollback --cut 2/)
    expect(await liveNames(lake, TRADES)).toEqual(['one'])
  })

  it('refuses what is part of main, what is gone, and what removes rows', async () => {
    const lake = await lakeWithCut()
    const head = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    await expect(pick(lake, head)).rejects.toMatchObject({ kind: 'invalid-input' })
    await expect(pick(lake, 7n)).rejects.toThrow(/expired or never was/)
    const removing = await stageOnly(
      lake,
      change(TRADES, {
        operation: 'overwrite',
        addDeletes: [positionDelete('trades/deletes', dataFile('trades/one'))],
      }),
    )
    await commitForeign(lake, append(TRADES, 'trades/later'))
    await expect(pick(lake, removing)).rejects.toThrow(/it is no append/)
    expect(await liveNames(lake, TRADES)).toEqual(['later', 'one'])
  })
})

describe('rollBackTable', () => {
  const rollBack = (lake: CommitLake, snapshotId: bigint, identifier = TRADES) =>
    rollBackTable(lake.context, {
      cutsTable: CUTS,
      identifier,
      snapshotId,
      afterCut: () => 1,
    })

  it('undoes what foreign commits did on top of the last cut, and keeps their snapshots', async () => {
    const lake = await lakeWithCut()
    const cutHead = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    await commitForeign(lake, append(TRADES, 'trades/foreign'))
    await rollBack(lake, cutHead)
    const { metadata } = await lake.load(TRADES)
    expect(metadata['current-snapshot-id']).toBe(cutHead)
    expect(metadata.snapshots).toHaveLength(2)
    expect(metadata['snapshot-log'].at(-1)?.['snapshot-id']).toBe(cutHead)
    expect(await liveNames(lake, TRADES)).toEqual(['one'])
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 'trades/two')] })
    expect(await liveNames(lake, TRADES)).toEqual(['one', 'two'])
  })

  it('does nothing where the head is the snapshot', async () => {
    const lake = await lakeWithCut()
    const head = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    expect((await rollBack(lake, head)).tables.size).toBe(0)
  })

  it('refuses to go behind the last cut, to another line of snapshots, and to what is gone', async () => {
    const lake = await openCommitLake()
    await commitForeign(lake, append(TRADES, 'trades/first'))
    const before = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 'trades/one')] })
    await expect(rollBack(lake, before)).rejects.toThrow(/Roll the whole lake back/)
    const staged = await stageOnly(lake, append(TRADES, 'trades/staged'))
    await expect(rollBack(lake, staged)).rejects.toThrow(/no ancestor/)
    await expect(rollBack(lake, 7n)).rejects.toThrow(/no ancestor/)
  })

  it('refuses to go behind what the last cut found on a table that it did not touch', async () => {
    const lake = await openCommitLake()
    await commitForeign(lake, append(IDLE, 'idle/first'))
    const before = (await lake.load(IDLE)).metadata['current-snapshot-id'] ?? 0n
    await commitForeign(lake, append(IDLE, 'idle/second'))
    const found = (await lake.load(IDLE)).metadata['current-snapshot-id'] ?? 0n
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 'trades/one')] })
    await commitForeign(lake, append(IDLE, 'idle/third'))
    await expect(rollBack(lake, before, IDLE)).rejects.toThrow(/Roll the whole lake back/)
    expect((await rollBack(lake, found, IDLE)).result.undone).toHaveLength(1)
    const tables = await Promise.all([...DATA_TABLES, CUTS].map((table) => lake.load(table)))
    expect(await verifyHeads(lake.context, tables, CUTS)).toMatchObject({ cutNumber: 1 })
  })
})
