import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { installOnce } from '../../stack/install-once.ts'

describe('installOnce', () => {
  let cache: string
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'sluice-cache-'))
    vi.stubEnv('SLUICE_CACHE', cache)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(cache, { recursive: true, force: true })
  })

  it('installs once, however many ask at the same time', async () => {
    let installs = 0
    const install = async (folder: string): Promise<void> => {
      installs += 1
      await writeFile(join(folder, 'jar'), 'bytes')
    }
    const folders = await Promise.all([1, 2, 3].map(() => installOnce('tool-1', install)))
    expect(new Set(folders)).toEqual(new Set([join(cache, 'tool-1')]))
    expect(await readFile(join(cache, 'tool-1', 'jar'), 'utf8')).toBe('bytes')
    expect(installs).toBe(1)
  })

  it('starts again from nothing after a try that failed half way', async () => {
    const failing = installOnce('tool-1', async (folder) => {
      await writeFile(join(folder, 'half'), '')
      throw new Error('the line broke')
    })
    await expect(failing).rejects.toThrow('the line broke')
    const folder = await installOnce('tool-1', (target) => writeFile(join(target, 'whole'), ''))
    expect(existsSync(join(folder, 'whole'))).toBe(true)
    expect(existsSync(join(folder, 'half'))).toBe(false)
  })

  it('takes over the lock of a process that is gone', async () => {
    // Above the largest pid that Linux gives out.
    await writeFile(join(cache, 'tool-1.lock'), '4194305')
    const folder = await installOnce('tool-1', () => Promise.resolve())
    expect(existsSync(folder)).toBe(true)
    expect(existsSync(`${folder}.lock`)).toBe(false)
  })
})
