import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listFiles } from '../../../pipelines/sources/list-files.ts'
import { makeScratch } from './kafka-rig.ts'

const scratch = makeScratch()
afterAll(() => scratch.remove())

const files = [
  'b.csv',
  'a.csv',
  'c.gz',
  'a[1].csv',
  '.hidden',
  'x/2.csv',
  'x/y/1.csv',
  'x/.git/z.csv',
]

beforeAll(() => {
  for (const folder of ['x/y', 'x/.git', 'empty']) {
    mkdirSync(join(scratch.path, folder), { recursive: true })
  }
  for (const file of files) writeFileSync(join(scratch.path, file), file)
  symlinkSync(scratch.path, join(scratch.path, 'x/y/back'))
})

const list = async (...given: readonly string[]) => {
  const found = await listFiles(given.map((path) => join(scratch.path, path)))
  return found.map((path) => relative(scratch.path, path))
}

describe('the files that paths stand for', () => {
  it.each([
    ['files as they are given, each once', ['b.csv', 'a.csv', 'b.csv'], ['b.csv', 'a.csv']],
    ['all of a folder, sorted, links back passed over', ['x'], ['x/2.csv', 'x/y/1.csv']],
    ['a pattern of a name', ['*.csv'], ['a.csv', 'a[1].csv', 'b.csv']],
    ['a pattern of one character', ['?.csv'], ['a.csv', 'b.csv']],
    ['a set', ['[!b].{csv,gz}'], ['a.csv', 'c.gz']],
    ['a name that could be a pattern', ['a[1].csv'], ['a[1].csv']],
    ['folders at any depth', ['**/*.csv'], ['a.csv', 'a[1].csv', 'b.csv', 'x/2.csv', 'x/y/1.csv']],
    ['folders below a folder', ['x/**'], ['x/2.csv', 'x/y/1.csv']],
    ['folders that a pattern finds', ['[x]', 'a.csv'], ['x/2.csv', 'x/y/1.csv', 'a.csv']],
  ])('are %s', async (_, given, expected) => {
    expect(await list(...given)).toEqual(expected)
  })

  it.each([
    ['empty', /The folder .*empty holds no file/],
    ['nowhere.csv', /nowhere\.csv is not there/],
    ['*.parquet', /Nothing matches .*\*\.parquet/],
    ['*/nothing/*', /Nothing matches/],
  ])('are none for %s, and it says so', async (given, message) => {
    await expect(list('a.csv', given)).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(message) as string,
    })
  })
})
