import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { identifyProcess } from '../../../pipelines/lake/process-identity.ts'
import {
  createScratchFolder,
  removeDeadScratchFolders,
  scratchParent,
} from '../../../pipelines/lake/scratch-folder.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'

let parent: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sluice-scratch-'))
})
afterEach(async () => {
  await rm(parent, { recursive: true, force: true })
})

/** A scratch folder with a file in it, made for a process that runs until it is killed. */
async function startOwner(folderParent: string) {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const folder = await createScratchFolder(folderParent, await identifyProcess(child.pid))
  await writeFile(join(folder, 'batch.frames'), 'x')
  const kill = async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return { folder, kill }
}

describe('scratch folders', () => {
  it('of a killed process go, those of living ones stay', async () => {
    const killed = await startOwner(parent)
    const living = await startOwner(parent)
    try {
      const own = await createScratchFolder(parent, await identifyProcess())
      await killed.kill()
      await removeDeadScratchFolders(parent)
      expect((await readdir(parent)).sort()).toEqual([living.folder, own].map((p) => basename(p)).sort())
    } finally {
      await living.kill()
    }
  })

  it('go when the pid was given to another process', async () => {
    const self = await identifyProcess()
    await createScratchFolder(parent, { ...self, bornAt: `${'0'.repeat(8)}-0000-0000:17` })
    await removeDeadScratchFolders(parent)
    expect(await readdir(parent)).toEqual([])
  })

  it('stay where nobody here can know: another machine, a birth that was not told', async () => {
    const self = await identifyProcess()
    await createScratchFolder(parent, { ...self, host: 'other-host-7.example', pid: 1 })
    await createScratchFolder(parent, { ...self, bornAt: undefined })
    await removeDeadScratchFolders(parent)
    expect(await readdir(parent)).toHaveLength(2)
  })

  it('leave folders and files of other names alone', async () => {
    const others = ['sluice-kafka-Ab12Cd', 'sluice-8lcJ2w', 'sluice-1-unknown-%-Ab12Cd', 'other']
    for (const name of others) await mkdir(join(parent, name))
    await writeFile(join(parent, 'sluice-1-0.1-host-Ab12Cd'), 'a file')
    await removeDeadScratchFolders(parent)
    expect(await readdir(parent)).toHaveLength(others.length + 1)
  })

  it('of a killed process go when any lake is opened', async () => {
    const killed = await startOwner(scratchParent())
    await killed.kill()
    const lake = await openLake({
      directory: join(parent, 'lake'),
      clock: systemClock,
      ids: randomIds,
      createIfMissing: true,
    })
    const scratch = await readdir(scratchParent())
    expect(scratch).not.toContain(basename(killed.folder))
    expect(scratch).toContain(basename(lake.scratchDir))
    await removeDeadScratchFolders(scratchParent())
    expect(await readdir(scratchParent())).toContain(basename(lake.scratchDir))
    await lake.close()
    expect(await readdir(scratchParent())).not.toContain(basename(lake.scratchDir))
  })
})
