import { describe, expect, it } from 'vitest'
import { rollForward } from '../../../tables/commit/roll-forward.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { createFaultyFileIO } from '../../support/faulty-file-io.ts'
import { cut, headLocations, TRADES } from './commit-lake.ts'
import {
  secondCut,
  expectSecondCut,
  openWithOneCut,
  journals,
  restart,
  restarted,
  tablesWith,
  withCommits,
} from './journal-lake.ts'

describe('a catalog or a store that fails in the middle of a cut', () => {
  it.each([1, 2, 3])('loses the answer to commit %i, and the cut lands once', async (nth) => {
    const lake = await openWithOneCut()
    let calls = 0
    const losing = withCommits(lake, (inner) => async (commits) => {
      calls += 1
      const tables = await inner.commitTransaction(commits)
      if (calls === nth) throw new SluiceError('commit-state-unknown', 'the answer was lost')
      return tables
    })
    await cut(losing, secondCut)
    await expectSecondCut(lake)
    expect((await lake.load(TRADES)).metadata.snapshots).toHaveLength(2)
  })

  it('goes away after the decision: the outcome is unknown, and the next start finishes', async () => {
    const lake = await openWithOneCut()
    const away = withCommits(lake, () => () => {
      return Promise.reject(new SluiceError('storage-unavailable', 'no route'))
    })
    await expect(cut(away, secondCut)).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(await tablesWith(lake, 'token-2')).toEqual([])
    expect(await restart(lake)).toMatchObject([{ outcome: 'finished' }])
    await expectSecondCut(lake)
  })

  it('comes back while the writer still tries: it finishes what it had decided', async () => {
    const lake = await openWithOneCut()
    let calls = 0
    const flaky = withCommits(lake, (inner) => async (commits) => {
      calls += 1
      if (calls > 1 && calls < 25) throw new SluiceError('storage-unavailable', 'no route')
      return inner.commitTransaction(commits)
    })
    const committed = await cut(flaky, secondCut)
    expect(committed.cutNumber).toBe(2)
    await expectSecondCut(lake)
    expect(committed.snapshotIds.get('lake.trades')).toBe(
      (await lake.load(TRADES)).metadata['current-snapshot-id'],
    )
  })

  it.each(['before', 'after'] as const)(
    'fails %s the journal is written, and the cut is not or is decided',
    async (how) => {
      const lake = await openWithOneCut()
      const fileIO = createFaultyFileIO(lake.context.fileIO, {
        faults: [{ operation: 'write', location: /_sluice\/cuts/, nth: 1, how }],
      })
      const end = cut({ ...lake, context: { ...lake.context, fileIO } }, secondCut)
      if (how === 'after') {
        await end
        await expectSecondCut(lake)
        return
      }
      const before = await headLocations(lake)
      await expect(end).rejects.toMatchObject({ kind: 'storage-unavailable' })
      expect(await headLocations(lake)).toEqual(before)
      expect(await journals(lake.context.fileIO)).toEqual([])
    },
  )

  it('keeps the journal of a finished cut: the next start removes it', async () => {
    const lake = await openWithOneCut()
    const fileIO = createFaultyFileIO(lake.context.fileIO, {
      faults: [{ operation: 'delete', location: /_sluice\/cuts/, how: 'before' }],
    })
    await cut({ ...lake, context: { ...lake.context, fileIO } }, secondCut)
    expect(await journals(lake.context.fileIO)).toHaveLength(1)
    expect(await restart(lake)).toMatchObject([{ outcome: 'finished' }])
    await expectSecondCut(lake)
  })

  it('says which file is broken where a journal is', async () => {
    const lake = await openWithOneCut()
    const location = 'memory://lake/_sluice/cuts/2.json'
    for (const text of ['', '{', '{"format-version":1}', '[]']) {
      await lake.context.fileIO.write(location, new TextEncoder().encode(text))
      await expect(rollForward(restarted(lake))).rejects.toMatchObject({
        kind: 'corrupt-data',
        context: { location },
      })
    }
  })
})
