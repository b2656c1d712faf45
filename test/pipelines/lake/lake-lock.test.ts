import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLakeLock, readLakeHolder, type LockRole } from '../../../pipelines/lake/lake-lock.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-lock-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const acquire = (purpose: string, roles?: readonly LockRole[]) =>
  acquireLakeLock({
    ...{ directory, purpose, clock: systemClock, ids: randomIds },
    ...(roles === undefined ? {} : { roles }),
  })

/** The pid of a process that has ended: nobody else can have it while we look. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

async function leaveLock(fields: Record<string, unknown>): Promise<void> {
  const record = {
    lockId: 'left-behind',
    pid: process.pid,
    host: hostname(),
    purpose: 'sluice live',
    startedUs: '1700000000000000',
    ...fields,
  }
  await writeFile(join(directory, 'writer.lock'), JSON.stringify(record))
}

describe('the lock of a lake', () => {
  it('refuses a second writer and names the first, what it does and where its catalog is', async () => {
    const lock = await acquire('sluice demo')
    await lock.recordCatalogUrl('http://127.0.0.1:8181')
    await expect(acquire('sluice live')).rejects.toMatchObject({
      kind: 'commit-conflict',
      message: expect.stringMatching(
        new RegExp(
          `in use by sluice demo, process ${process.pid} .*http://127.0.0.1:8181.*` +
            'Nothing was started.*--lake',
        ),
      ) as string,
    })
    await lock.release()
  })

  it('lets a stream and one writer of ranges in, and nobody who wants the lake alone', async () => {
    const live = await acquire('sluice live', ['stream'])
    const replay = await acquire('sluice replay', ['range'])
    await expect(acquire('sluice live', ['stream'])).rejects.toThrow(/in use by sluice live/)
    await expect(acquire('sluice replay', ['range'])).rejects.toThrow(/in use by sluice replay/)
    await live.release()
    // What it has of the two it gives back where it cannot have both.
    await expect(acquire('sluice rollback')).rejects.toThrow(/in use by sluice replay/)
    expect(await readLakeHolder(directory)).toBeUndefined()
    expect((await readLakeHolder(directory, 'range'))?.purpose).toBe('sluice replay')
    await replay.release()
    await (await acquire('sluice rollback')).release()
    expect(await readdir(directory)).toEqual([])
  })

  it('is free again after a release, and leaves no file behind', async () => {
    const first = await acquire('sluice demo')
    await first.release()
    await first.release()
    expect(await readLakeHolder(directory)).toBeUndefined()
    const second = await acquire('sluice live')
    await second.release()
    expect(await readdir(directory)).toEqual([])
  })

  it('says who holds it', async () => {
    const lock = await acquire('sluice demo')
    expect(await readLakeHolder(directory)).toMatchObject({
      pid: process.pid,
      purpose: 'sluice demo',
      catalogUrl: undefined,
    })
    await lock.release()
  })

  it('is taken over from a process that is dead', async () => {
    await leaveLock({ pid: await deadPid() })
    const lock = await acquire('sluice demo')
    expect((await readLakeHolder(directory))?.pid).toBe(process.pid)
    expect(await readdir(directory)).toEqual(['range-writer.lock', 'writer.lock'])
    await lock.release()
  })

  it('is taken over from a dead process whose pid another process has now', async () => {
    await leaveLock({ bornAt: 'another-boot:1' })
    const lock = await acquire('sluice demo')
    await lock.release()
  })

  it('is not taken over from another machine, whose processes nobody here can see', async () => {
    await leaveLock({ host: 'elsewhere.example', pid: await deadPid() })
    await expect(acquire('sluice demo')).rejects.toMatchObject({ kind: 'commit-conflict' })
  })

  it('is taken over by exactly one of many that find it stale at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      await leaveLock({ pid: await deadPid(), lockId: `left-behind-${round}` })
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => acquire('racer')))
      const won = tries.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(won).toHaveLength(1)
      await won[0]?.release()
      expect(await readdir(directory)).toEqual([])
    }
  })

  it('is taken over where the process that was taking it over died on the way', async () => {
    const pid = await deadPid()
    await leaveLock({ pid, lockId: 'first' })
    const claimant = JSON.parse(await readFile(join(directory, 'writer.lock'), 'utf8')) as object
    await writeFile(
      join(directory, 'writer.first.claim'),
      JSON.stringify({ ...claimant, lockId: 'second' }),
    )
    const lock = await acquire('sluice demo')
    expect(await readdir(directory)).toEqual(['range-writer.lock', 'writer.lock'])
    await lock.release()
  })

  it('refuses to guess about a lock file that it cannot read', async () => {
    await writeFile(join(directory, 'writer.lock'), '{')
    await expect(acquire('sluice demo')).rejects.toMatchObject({ kind: 'corrupt-data' })
  })
})
