import { describe, expect, it } from 'vitest'
import { snapshotUpToCut } from '../../../tables/query/choose-snapshot.ts'
import { committedCut } from '../../../tables/spec/cut-history.ts'
import {
  append,
  BARS,
  change,
  commitForeign,
  type CommitLake,
  cut,
  CUTS,
  dataFile,
  headLocations,
  IDLE,
  TRADES,
} from './commit-lake.ts'
import {
  dying,
  firstCut,
  secondCut,
  expectSecondCut,
  openWithOneCut,
  mergeBars,
  tail,
  journals,
  openJournalLake,
  placeOf,
  restart,
  restarted,
  tablesWith,
  withCommits,
} from './journal-lake.ts'
import { liveNames } from './read-lake.ts'

describe('a cut over a catalog that commits one table at a time', () => {
  it('is made whole, and leaves no journal behind', async () => {
    const lake = await openWithOneCut()
    const committed = await cut(lake, secondCut)
    expect(committed).toMatchObject({ cutNumber: 2, attemptCount: 1, abandonedPaths: [] })
    expect([...committed.tables.keys()].sort()).toEqual(['lake.bars', 'lake.cuts', 'lake.trades'])
    await expectSecondCut(lake)
    await cut(lake, { cutNumber: 3, changes: [append(IDLE, 'i1')] })
    expect(await liveNames(lake, IDLE)).toEqual(['i1'])
  })

  it('comes to the cuts table last, so a reader by cuts never sees half of it', async () => {
    const lake = await openWithOneCut()
    for (const tables of [1, 2]) {
      const half = await openWithOneCut()
      await expect(cut(dying(half, 'tableCommitted', tables), secondCut)).rejects.toThrow('killed')
      const last = committedCut((await half.load(CUTS)).metadata)
      expect(last?.cutNumber).toBe(1)
      for (const table of [TRADES, BARS]) {
        const { metadata } = await half.load(table)
        const name = [...table.namespace, table.name].join('.')
        expect(snapshotUpToCut(metadata, 1)?.snapshotId).toBe(last?.heads.get(name))
      }
    }
    await cut(lake, secondCut)
  })

  it.each([
    ['journalWritten', 1, []],
    ['tableCommitted', 1, ['lake.bars']],
    ['tableCommitted', 2, ['lake.trades', 'lake.bars']],
    ['tableCommitted', 3, ['lake.trades', 'lake.bars', 'lake.cuts']],
  ] as const)('that dies at %s %i is finished by the next start', async (point, nth, done) => {
    const lake = await openWithOneCut()
    await expect(cut(dying(lake, point, nth), secondCut)).rejects.toThrow('killed')
    expect(await tablesWith(lake, 'token-2')).toEqual(done)
    expect(await journals(lake.context.fileIO)).toHaveLength(1)
    expect(await restart(lake)).toEqual([{ cutNumber: 2, token: 'token-2', outcome: 'finished' }])
    await expectSecondCut(lake)
    expect(await restart(lake)).toEqual([])
    await cut(lake, { cutNumber: 3, changes: [mergeBars('tail-2', 'tail-3')] })
    expect(await liveNames(lake, BARS)).toContain('tail-3')
  })

  it.each(['dataFilesWritten', 'staged', 'commitSent'] as const)(
    'that dies at %s was never decided, and changes nothing',
    async (point) => {
      const lake = await openWithOneCut()
      const before = await headLocations(lake)
      await expect(cut(dying(lake, point), secondCut)).rejects.toThrow('killed')
      expect(await restart(lake)).toEqual([])
      expect(await headLocations(lake)).toEqual(before)
    },
  )

  it('is finished once by two that start at the same time', async () => {
    const lake = await openWithOneCut()
    await expect(cut(dying(lake, 'tableCommitted'), secondCut)).rejects.toThrow('killed')
    await Promise.allSettled([restart(lake), restart(lake), restart(lake)])
    await expectSecondCut(lake)
    expect((await lake.load(TRADES)).metadata.snapshots).toHaveLength(2)
  })

  it('is refused where no journal can be kept', async () => {
    const lake = await openJournalLake()
    const { journalFolder: _, ...homeless } = lake.context
    await expect(cut({ ...lake, context: homeless }, firstCut)).rejects.toMatchObject({
      kind: 'unsupported',
    })
    const { fileIO } = lake.context
    const blind = { ...fileIO, capabilities: { createIfAbsent: false } }
    const context = { ...lake.context, fileIO: blind }
    await expect(cut({ ...lake, context }, firstCut)).rejects.toMatchObject({ kind: 'unsupported' })
    expect((await lake.load(CUTS)).metadata.snapshots).toEqual([])
  })
})

describe('foreign commits between the journal and the tables', () => {
  const dieDecided = async (): Promise<CommitLake> => {
    const lake = await openWithOneCut()
    await expect(cut(dying(lake, 'journalWritten'), secondCut)).rejects.toThrow('killed')
    return lake
  }

  it('are kept where the cut fits on them: it is staged again with the same snapshot ids', async () => {
    const lake = await dieDecided()
    await commitForeign(lake, append(TRADES, 'foreign'))
    expect(await restart(lake)).toMatchObject([{ outcome: 'finished' }])
    expect(await liveNames(lake, TRADES)).toEqual(['foreign', 't1', 't2'])
    const trades = (await lake.load(TRADES)).metadata
    expect(trades.snapshots).toHaveLength(3)
    expect(trades.snapshots[2]).toMatchObject({
      'parent-snapshot-id': trades.snapshots[1]?.['snapshot-id'],
      summary: { 'sluice.cut': '2', 'total-data-files': '3', 'total-records': '30' },
    })
    const last = committedCut((await lake.load(CUTS)).metadata)
    expect(last?.heads.get('lake.trades')).toBe(trades['current-snapshot-id'])
  })

  it('make the cut void where they took away what it builds on: nothing of it stays', async () => {
    const lake = await dieDecided()
    await commitForeign(
      lake,
      change(BARS, { operation: 'overwrite', removePaths: [tail('tail-1').filePath] }),
    )
    const before = await headLocations(lake)
    expect(await restart(lake)).toEqual([{ cutNumber: 2, token: 'token-2', outcome: 'withdrawn' }])
    expect(await headLocations(lake)).toEqual(before)
    expect(await journals(lake.context.fileIO)).toEqual([])
    await cut(lake, { cutNumber: 2, token: 'again', changes: [append(TRADES, 't2')] })
    expect(await liveNames(lake, TRADES)).toEqual(['t1', 't2'])
  })

  it('do not let a restart merge bars over foreign rows that it cannot judge', async () => {
    const lake = await dieDecided()
    await commitForeign(lake, append(BARS, 'bars/foreign'))
    expect(await restart(lake)).toMatchObject([{ outcome: 'withdrawn' }])
    expect(await liveNames(lake, BARS)).toEqual(['foreign', 'sealed', 'tail-1'])
  })

  it('are judged by the writer itself while it lives', async () => {
    const lake = await openWithOneCut()
    let isDone = false
    const meddled = withCommits(lake, (inner) => async (commits) => {
      if (!isDone) {
        isDone = true
        await commitForeign(lake, append(BARS, 'bars/foreign'), inner)
      }
      return inner.commitTransaction(commits)
    })
    const merge = { ...mergeBars('tail-1', 'tail-2'), isTouchedByForeign: () => false }
    await cut(meddled, { cutNumber: 2, changes: [append(TRADES, 't2'), merge] })
    expect(await liveNames(lake, BARS)).toEqual(['delete-tail-2', 'foreign', 'sealed', 'tail-2'])
  })

  it('make parts go back that were made already, to the last digit of the tag', async () => {
    const lake = await openJournalLake()
    await cut(lake, firstCut)
    const before = await placeOf(lake)
    // Both tables are merged into, so one has its part when the other turns out not to fit.
    const mergeTrades = change(TRADES, {
      operation: 'overwrite',
      addDataFiles: [dataFile('t2')],
      removePaths: [dataFile('t1').filePath],
    })
    const both = { cutNumber: 2, changes: [mergeTrades, mergeBars('tail-1', 'tail-2')] }
    await expect(cut(dying(lake, 'tableCommitted'), both)).rejects.toThrow('killed')
    const [made] = await tablesWith(lake, 'token-2')
    const [other, gone] =
      made === 'lake.trades' ? [BARS, tail('tail-1').filePath] : [TRADES, dataFile('t1').filePath]
    const steal = change(other, { operation: 'overwrite', removePaths: [gone] })
    await commitForeign(lake, steal)
    expect(await restart(lake)).toMatchObject([{ outcome: 'withdrawn' }])
    expect(await tablesWith(lake, 'token-2')).toEqual([])
    const after = (await placeOf(lake)) as { heads: Record<string, unknown> }
    const expected = before as { heads: Record<string, unknown> }
    expect(after.heads[made ?? '']).toEqual(expected.heads[made ?? ''])
    expect(after.heads['lake.cuts']).toEqual(expected.heads['lake.cuts'])
    await cut(lake, { cutNumber: 2, token: 'again', changes: [append(IDLE, 'i')] })
  })

  it('stop the start where they lie on a part that would have to go back', async () => {
    const lake = await openWithOneCut()
    const mergeTrades = change(TRADES, {
      operation: 'overwrite',
      addDataFiles: [dataFile('t2')],
      removePaths: [dataFile('t1').filePath],
    })
    const both = { cutNumber: 2, changes: [mergeTrades, mergeBars('tail-1', 'tail-2')] }
    await expect(cut(dying(lake, 'tableCommitted'), both)).rejects.toThrow('killed')
    const [made] = await tablesWith(lake, 'token-2')
    const [first, other, gone] =
      made === 'lake.trades'
        ? [TRADES, BARS, tail('tail-1').filePath]
        : [BARS, TRADES, dataFile('t1').filePath]
    await commitForeign(lake, append(first, 'on-top'))
    await commitForeign(lake, change(other, { operation: 'overwrite', removePaths: [gone] }))
    const before = await headLocations(lake)
    await expect(restart(lake)).rejects.toMatchObject({ kind: 'data-loss' })
    expect(await headLocations(lake)).toEqual(before)
    expect(await journals(lake.context.fileIO)).toHaveLength(1)
  })

  it('that put another table in the place of one stop the start', async () => {
    const lake = await dieDecided()
    const { catalog } = lake.context
    const { metadata } = await lake.load(TRADES)
    await catalog.dropTable(TRADES)
    await expect(restart(lake)).rejects.toMatchObject({ kind: 'data-loss' })
    const [schema] = metadata.schemas
    if (schema === undefined) throw new Error('no schema')
    await catalog.createTable(TRADES, { schema })
    await expect(restart(lake)).rejects.toThrow(/another table now/)
  })
})

describe('two writers of one cut', () => {
  it('are told apart by the journal: the second hears who decided', async () => {
    const lake = await openWithOneCut()
    await expect(cut(dying(lake, 'journalWritten'), secondCut)).rejects.toThrow('killed')
    const loser = cut(lake, { cutNumber: 2, token: 'loser', changes: [append(TRADES, 'l')] })
    await expect(loser).rejects.toThrow(/decided by another writer, with token token-2/)
    await expect(loser).rejects.toMatchObject({ kind: 'commit-conflict', isRetryable: false })
    await restart(lake)
    await expectSecondCut(lake)
  })

  it('are told apart where one slept from staging to after the other had finished', async () => {
    const lake = await openWithOneCut()
    const sleeper: CommitLake = {
      ...lake,
      context: {
        ...lake.context,
        hooks: {
          commitSent: async () => {
            await cut({ ...lake, context: restarted(lake) }, secondCut)
          },
        },
      },
    }
    // It touches a table that the other did not: only the fence can tell.
    const late = cut(sleeper, { cutNumber: 2, token: 'late', changes: [append(IDLE, 'late')] })
    await expect(late).rejects.toThrow(/with token token-2/)
    expect(await liveNames(lake, IDLE)).toEqual([])
    await expectSecondCut(lake)
  })

  it('race, and exactly one lands', async () => {
    const lake = await openWithOneCut()
    const racers = ['a', 'b', 'c'].map((token) =>
      cut(
        { ...lake, context: restarted(lake) },
        { cutNumber: 2, token, changes: [append(TRADES, token), append(IDLE, token)] },
      ),
    )
    const ends = await Promise.allSettled(racers)
    expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1)
    const last = committedCut((await lake.load(CUTS)).metadata)
    expect(await liveNames(lake, IDLE)).toEqual([last?.token])
    expect(await liveNames(lake, TRADES)).toEqual([last?.token, 't1'].sort())
    expect(await journals(lake.context.fileIO)).toEqual([])
  })
})
