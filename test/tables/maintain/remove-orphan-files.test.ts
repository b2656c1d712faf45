import { describe, expect, it } from 'vitest'
import { removeOrphanFiles } from '../../../tables/maintain/remove-orphan-files.ts'
import {
  change,
  type CommitLake,
  cut,
  dataFile,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'

const HOUR_MS = 3_600_000

async function writeFile(lake: CommitLake, name: string) {
  const file = dataFile(`trades/data/${name}`)
  await lake.context.fileIO.write(file.filePath, new Uint8Array([1]))
  return file
}

async function remove(lake: CommitLake, olderThanMs: number) {
  const table = await lake.load(TRADES)
  return removeOrphanFiles({ reader: lake.context, clock: lake.clock, table, olderThanMs })
}

describe('removeOrphanFiles', () => {
  it('removes old files that nothing names, and only these', async () => {
    const lake = await openCommitLake()
    const orphan = await writeFile(lake, 'orphan')
    const live = await writeFile(lake, 'live')
    await cut(lake, { cutNumber: 1, changes: [change(TRADES, { addDataFiles: [live] })] })
    lake.clock.advanceUs(BigInt(HOUR_MS) * 1000n + 1000n)
    const young = await writeFile(lake, 'young')
    expect(await remove(lake, HOUR_MS)).toEqual([orphan.filePath])
    expect(await lake.context.fileIO.stat(orphan.filePath)).toBeUndefined()
    expect(await lake.context.fileIO.stat(live.filePath)).toBeDefined()
    expect(await lake.context.fileIO.stat(young.filePath)).toBeDefined()
    await cut(lake, { cutNumber: 2, changes: [change(TRADES, { addDataFiles: [young] })] })
  })

  it.each([HOUR_MS - 1, 0, Number.NaN])('refuses an age of %d ms', async (olderThanMs) => {
    const lake = await openCommitLake()
    await expect(remove(lake, olderThanMs)).rejects.toMatchObject({ kind: 'invalid-input' })
  })
})
