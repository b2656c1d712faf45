import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readEnvironment } from '../../../pipelines/cli/environment.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { readRepositoryFile, repositoryFiles } from '../../support/repository-files.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-limits-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

/** What the engine of a lake says of itself, opened as commands open it. */
async function engineSettings(): Promise<unknown> {
  const { engine } = readEnvironment()
  const parts = { clock: systemClock, ids: randomIds, createIfMissing: true, engine }
  const lake = await openLake({ ...parts, directory: join(folder, 'lake') })
  try {
    const session = await lake.engine.connect()
    const [settings] = await session.rows<{ threads: bigint; memory: string }>(
      "SELECT current_setting('threads') AS threads, current_setting('memory_limit') AS memory",
    )
    session.close()
    return settings
  } finally {
    await lake.close()
  }
}

describe('the engine of a lake', () => {
  it('has the threads and the memory that the surroundings say', async () => {
    vi.stubEnv('SLUICE_ENGINE_THREADS', '3')
    vi.stubEnv('SLUICE_ENGINE_MEMORY', '300MiB')
    expect(await engineSettings()).toEqual({ threads: 3n, memory: '300.0 MiB' })
  })

  it('has all processors where they say nothing', async () => {
    vi.stubEnv('SLUICE_ENGINE_THREADS', undefined)
    vi.stubEnv('SLUICE_ENGINE_MEMORY', '')
    expect(await engineSettings()).toMatchObject({ threads: BigInt(availableParallelism()) })
  })

  it('is given them by every command that opens a lake', () => {
    const opens =
      /\b(openLake|with(Writable|Maintained)Lake|(relocate|upgrade)Lake|run(Live|Demo))\(/
    const files = repositoryFiles().filter((path) => path.startsWith('pipelines/cli/'))
    const opening = files.filter((path) => opens.test(readRepositoryFile(path)))
    expect(opening.length).toBeGreaterThan(15)
    expect(opening.filter((path) => !/\bengine\b/.test(readRepositoryFile(path)))).toEqual([])
  })
})
