import { describe, expect, it } from 'vitest'
import { verifyHeads } from '../../../tables/commit/verify-heads.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import {
  append,
  BARS,
  commitForeign,
  type CommitLake,
  cut,
  CUTS,
  DATA_TABLES,
  openCommitLake,
  TRADES,
} from './commit-lake.ts'

describe('verifyHeads', () => {
  async function threeCuts() {
    const lake = await openCommitLake()
    for (let cutNumber = 1; cutNumber <= 3; cutNumber++) {
      const changes = [append(TRADES, `t${cutNumber}`), append(BARS, `b${cutNumber}`)]
      await cut(lake, { cutNumber, changes })
    }
    return lake
  }
  const verify = async (lake: CommitLake) => {
    const tables = await Promise.all([...DATA_TABLES, CUTS].map((table) => lake.load(table)))
    return verifyHeads(lake.context, tables, CUTS)
  }
  async function rollBack(lake: CommitLake, table: TableIdentifier) {
    const first = (await lake.load(table)).metadata.snapshots[0]
    if (first === undefined) throw new Error('no snapshot')
    const id = first['snapshot-id']
    await lake.context.catalog.commitTransaction([
      {
        identifier: table,
        requirements: [],
        updates: [
          { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
        ],
      },
    ])
  }
  async function expire(lake: CommitLake, table: TableIdentifier, ids: readonly bigint[]) {
    await lake.context.catalog.commitTransaction([
      {
        identifier: table,
        requirements: [],
        updates: [{ action: 'remove-snapshots', 'snapshot-ids': ids }],
      },
    ])
  }

  it('answers the last cut of a lake in order, with foreign commits on top', async () => {
    const lake = await threeCuts()
    await commitForeign(lake, append(TRADES, 'f'))
    await commitForeign(lake, append(CUTS, 'foreign-cuts'))
    expect(await verify(lake)).toMatchObject({ cutNumber: 3, token: 'token-3' })
  })

  it.each([
    ['trades', TRADES],
    ['cuts', CUTS],
  ] as const)('stops where %s was rolled back', async (_name, table) => {
    const lake = await threeCuts()
    await rollBack(lake, table)
    await expect(verify(lake)).rejects.toMatchObject({ kind: 'data-loss' })
    await expect(verify(lake)).rejects.toThrow(/was rolled back behind cut/)
    const next = cut(lake, { cutNumber: 4, changes: [append(BARS, 'b4')] })
    await expect(next).rejects.toMatchObject({ kind: 'data-loss' })
  })

  it('stops where foreign commits hide the rollback', async () => {
    const lake = await threeCuts()
    await rollBack(lake, TRADES)
    await commitForeign(lake, append(TRADES, 'f'))
    await expect(verify(lake)).rejects.toMatchObject({ kind: 'data-loss' })
  })

  it('proves by files that a head descends whose parents foreign expiry took', async () => {
    const lake = await threeCuts()
    await commitForeign(lake, append(TRADES, 'f1'))
    await commitForeign(lake, append(TRADES, 'f2'))
    const between = (await lake.load(TRADES)).metadata.snapshots.at(-2)
    await expire(lake, TRADES, [between?.['snapshot-id'] ?? 0n])
    expect(await verify(lake)).toMatchObject({ cutNumber: 3 })
  })

  it('does not take a rolled-back head for a child where expiry took the parents', async () => {
    const lake = await threeCuts()
    await rollBack(lake, TRADES)
    await commitForeign(lake, append(TRADES, 'f1'))
    await commitForeign(lake, append(TRADES, 'f2'))
    const between = (await lake.load(TRADES)).metadata.snapshots.at(-2)
    await expire(lake, TRADES, [between?.['snapshot-id'] ?? 0n])
    await expect(verify(lake)).rejects.toMatchObject({ kind: 'data-loss' })
  })
})
