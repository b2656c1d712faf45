import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeOutputFile } from '../../../../pipelines/cli/sql/output-file.ts'
import { randomIds } from '../../../../tables/clock.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sluice-output-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (path: string, text: string): Promise<void> =>
  writeOutputFile(path, randomIds, (partial) => writeFile(partial, text))

describe('an output file', () => {
  it('takes its name once it is whole, in place of what was there', async () => {
    const path = join(folder, 'rows.csv')
    await writeFile(path, 'old')
    await writeOutputFile(path, randomIds, async (partial) => {
      await writeFile(partial, 'half')
      expect(await readFile(path, 'utf8')).toBe('old')
      await writeFile(partial, 'whole')
    })
    expect(await readFile(path, 'utf8')).toBe('whole')
    expect(await readdir(folder)).toEqual(['rows.csv'])
  })

  it('leaves the target as it was, and nothing beside it, where the rows end with an error', async () => {
    const path = join(folder, 'rows.csv')
    await writeFile(path, 'old')
    const failed = writeOutputFile(path, randomIds, async (partial) => {
      await writeFile(partial, 'half')
      throw new Error('no more rows')
    })
    await expect(failed).rejects.toThrow('no more rows')
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['rows.csv'])
  })

  it('lets a link be a link', async () => {
    await mkdir(join(folder, 'far'))
    await writeFile(join(folder, 'far', 'rows.csv'), 'old')
    await symlink(join(folder, 'far', 'rows.csv'), join(folder, 'link.csv'))
    await write(join(folder, 'link.csv'), 'new')
    expect((await lstat(join(folder, 'link.csv'))).isSymbolicLink()).toBe(true)
    expect(await readFile(join(folder, 'far', 'rows.csv'), 'utf8')).toBe('new')
  })

  it.each([
    ['/dev/null', /no regular file/],
    ['.', /it is a folder/],
    ['none/rows.csv', /its folder cannot be written \(ENOENT\)/],
  ])('is refused at %s, which stays', async (name, message) => {
    await expect(write(join(folder, name).replace(/.*\/dev/, '/dev'), 'x')).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(message) as string,
    })
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true)
  })
})
