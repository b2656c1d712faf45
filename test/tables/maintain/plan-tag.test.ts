import { describe, expect, it } from 'vitest'
import { commitFenced } from '../../../tables/maintain/commit-fenced.ts'
import { checkTagName, planTag, planTagDrop } from '../../../tables/maintain/plan-tag.ts'
import { tableOf } from '../../../tables/commit/fence.ts'
import { SluiceError } from '../../../tables/errors.ts'
import {
  append,
  type CommitLake,
  cut,
  CUTS,
  interfere,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'

async function lakeWithCut(options = {}): Promise<CommitLake> {
  const lake = await openCommitLake(options)
  await cut(lake, { cutNumber: 1, changes: [append(TRADES, 'trades/one')] })
  return lake
}

function tag(lake: CommitLake, name: string, afterCut = 1) {
  return commitFenced(lake.context, {
    what: 'the tag',
    cutsTable: CUTS,
    identifiers: [TRADES],
    afterCut: () => afterCut,
    stage: (tables) => {
      const { metadata } = tableOf(tables, TRADES)
      const plan = planTag(metadata, name, metadata['current-snapshot-id'] ?? 0n)
      return { commits: [{ identifier: TRADES, ...plan }], result: name }
    },
  })
}

describe('a tag', () => {
  it('holds a snapshot by its name, and a second call does nothing', async () => {
    const lake = await lakeWithCut()
    const first = await tag(lake, 'before-fix')
    expect([...first.tables.keys()]).toEqual(['lake.trades'])
    const { metadata, metadataLocation } = await lake.load(TRADES)
    expect(metadata.refs['before-fix']).toEqual({
      type: 'tag',
      'snapshot-id': metadata['current-snapshot-id'],
    })
    const second = await tag(lake, 'before-fix')
    expect(second.tables.size).toBe(0)
    expect((await lake.load(TRADES)).metadataLocation).toBe(metadataLocation)
  })

  it('stays when the cuts around it expire, and can be dropped', async () => {
    const lake = await lakeWithCut()
    await tag(lake, 'kept')
    const { metadata } = await lake.load(TRADES)
    const drop = planTagDrop(metadata, 'kept')
    expect(drop.updates).toEqual([{ action: 'remove-snapshot-ref', 'ref-name': 'kept' }])
    expect(planTagDrop(metadata, 'never-there').updates).toEqual([])
  })

  it('is not moved: the name is refused while it means another snapshot', async () => {
    const lake = await lakeWithCut()
    await tag(lake, 'taken')
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 'trades/two')] })
    await expect(tag(lake, 'taken', 2)).rejects.toMatchObject({ kind: 'invalid-input' })
  })

  it('is refused behind the back of another writer', async () => {
    const lake = await lakeWithCut()
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 'trades/two')] })
    await expect(tag(lake, 'late')).rejects.toMatchObject({ kind: 'commit-conflict' })
  })

  it('is found again where the answer to its commit was lost', async () => {
    let isLost = false
    const lake = await lakeWithCut({
      wrapCatalog: (inner: CommitLake['context']['catalog']) => ({
        ...inner,
        commitTransaction: async (commits: Parameters<typeof inner.commitTransaction>[0]) => {
          const done = await inner.commitTransaction(commits)
          const isTag = commits.some(({ updates }) => updates.length === 1)
          if (!isTag || isLost) return done
          isLost = true
          throw new SluiceError('commit-state-unknown', 'the answer was lost')
        },
      }),
    })
    const done = await tag(lake, 'once')
    expect(isLost).toBe(true)
    expect([...done.tables.keys()]).toEqual(['lake.trades'])
    expect((await lake.load(TRADES)).metadata.refs['once']).toBeDefined()
  })

  it('is set on the newer head where a foreign commit came between', async () => {
    const lake = await openCommitLake({
      wrapCatalog: interfere(2, async (inner) => {
        const loaded = await inner.loadTable(CUTS)
        await inner.commitTransaction([
          {
            identifier: CUTS,
            requirements: [],
            updates: [{ action: 'set-properties', updates: { by: String(loaded === undefined) } }],
          },
        ])
      }),
    })
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 'trades/one')] })
    expect((await tag(lake, 'through')).tables.size).toBe(1)
  })
})

describe('the name of a tag', () => {
  it.each(['v1', 'before-fix', '2026-11-20', 'a.b_c', 'cut-x', 'eod'])('may be %s', (name) => {
    expect(() => {
      checkTagName(name)
    }).not.toThrow()
  })

  it.each(['', '123', 'main', 'sluice-head', 'cut-17', 'eod-2026-11-20', 'a b', '-x', 'a/b', 'ü'])(
    'may not be %j',
    (name) => {
      expect(() => {
        checkTagName(name)
      }).toThrow(/cannot be the name of a tag/)
    },
  )
})
