import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { measureDiskUse } from '../../../pipelines/lake/measure-disk-use.ts'

describe('disk use', () => {
  it('adds up the files of a folder and of all folders below it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-disk-'))
    await mkdir(join(directory, 'a/b'), { recursive: true })
    await writeFile(join(directory, 'one'), 'x'.repeat(10))
    await writeFile(join(directory, 'a/two'), 'x'.repeat(200))
    await writeFile(join(directory, 'a/b/three'), 'x'.repeat(3000))
    expect(await measureDiskUse(directory)).toBe(3210)
    await rm(directory, { recursive: true })
  })

  it('is nothing where there is no folder', async () => {
    expect(await measureDiskUse(join(tmpdir(), 'sluice-no-such-folder'))).toBe(0)
  })
})
