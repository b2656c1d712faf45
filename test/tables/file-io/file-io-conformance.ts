import { randomUUID } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { FileIO, FileStat } from '../../../tables/file-io/file-io.ts'

/** A FileIO under test and the location below which it may write. */
export interface FileIOUnderTest {
  readonly fileIO: FileIO
  readonly root: string
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What every FileIO promises. `create` gets an empty folder of the test machine. */
export function testFileIO(
  name: string,
  create: (folder: string) => Promise<FileIOUnderTest> | FileIOUnderTest,
): void {
  describe(`${name} as a FileIO`, () => {
    let folder = ''
    let fileIO: FileIO
    let root = ''

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-file-io-'))
      ;({ fileIO, root } = await create(folder))
    })
    afterEach(() => rm(folder, { recursive: true, force: true }))

    const at = (path: string): string => `${root}/${path}`

    async function listed(prefix: string): Promise<string[]> {
      const found: FileStat[] = []
      for await (const file of fileIO.list(prefix)) found.push(file)
      return found.map((file) => file.location).sort()
    }

    async function localFile(text: string): Promise<string> {
      const path = join(folder, `made-${randomUUID()}.parquet`)
      await writeFile(path, text)
      return path
    }

    it('reads back what it wrote, and makes the folders on the way', async () => {
      await fileIO.write(at('a/b/c.bin'), bytesOf('hello'))
      expect(textOf(await fileIO.read(at('a/b/c.bin')))).toBe('hello')
    })

    it('keeps an empty file', async () => {
      await fileIO.write(at('empty'), new Uint8Array())
      expect(await fileIO.read(at('empty'))).toHaveLength(0)
      expect((await fileIO.stat(at('empty')))?.sizeBytes).toBe(0)
    })

    it('reads exactly the asked range', async () => {
      await fileIO.write(at('r'), bytesOf('0123456789'))
      expect(textOf(await fileIO.read(at('r'), { offset: 3, length: 4 }))).toBe('3456')
      expect(await fileIO.read(at('r'), { offset: 10, length: 0 })).toHaveLength(0)
    })

    it('refuses a range that passes the end, so that no reader gets fewer bytes', async () => {
      await fileIO.write(at('r'), bytesOf('0123456789'))
      await expect(fileIO.read(at('r'), { offset: 8, length: 4 })).rejects.toMatchObject({
        kind: 'corrupt-data',
      })
    })

    it('says corrupt-data for a missing file, also below something that is no folder', async () => {
      await fileIO.write(at('file'), bytesOf('x'))
      for (const missing of [at('nothing'), at('no/such/folder/x'), at('file/below')]) {
        await expect(fileIO.read(missing)).rejects.toMatchObject({ kind: 'corrupt-data' })
        await expect(fileIO.localPath(missing)).rejects.toMatchObject({ kind: 'corrupt-data' })
        expect(await fileIO.stat(missing)).toBeUndefined()
      }
    })

    it('replaces a file by a plain write', async () => {
      await fileIO.write(at('x'), bytesOf('old and longer'))
      await fileIO.write(at('x'), bytesOf('new'))
      expect(textOf(await fileIO.read(at('x')))).toBe('new')
    })

    it('refuses to create a file that exists, and leaves it as it was', async () => {
      await fileIO.write(at('x'), bytesOf('first'), { ifAbsent: true })
      await expect(
        fileIO.write(at('x'), bytesOf('second'), { ifAbsent: true }),
      ).rejects.toMatchObject({ kind: 'commit-conflict' })
      expect(textOf(await fileIO.read(at('x')))).toBe('first')
      expect(await listed(root)).toEqual([at('x')])
    })

    it('lets exactly one of many creators win', async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, (_, racer) =>
          fileIO.write(at('race/x'), bytesOf(`racer ${racer}`), { ifAbsent: true }),
        ),
      )
      const winners = results.flatMap((result, racer) =>
        result.status === 'fulfilled' ? [racer] : [],
      )
      expect(winners).toHaveLength(1)
      expect(textOf(await fileIO.read(at('race/x')))).toBe(`racer ${winners[0]}`)
      expect(await listed(at('race'))).toEqual([at('race/x')])
    })

    it('does not let the caller change bytes that were written or read', async () => {
      const bytes = bytesOf('abc')
      await fileIO.write(at('x'), bytes)
      bytes[0] = 0
      const first = await fileIO.read(at('x'))
      first[1] = 0
      expect(textOf(await fileIO.read(at('x')))).toBe('abc')
    })

    it('takes over a local file, which is gone from its old place', async () => {
      const made = await localFile('rows')
      expect(await fileIO.adopt(made, at('data/day=2024-08-08/x.parquet'))).toEqual({
        sizeBytes: 4,
      })
      expect(textOf(await fileIO.read(at('data/day=2024-08-08/x.parquet')))).toBe('rows')
      await expect(access(made)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('replaces by a local file what was there before, also for the engine', async () => {
      await fileIO.write(at('x'), bytesOf('old and longer'))
      expect(await readFile(await fileIO.localPath(at('x')), 'utf8')).toBe('old and longer')
      await fileIO.adopt(await localFile('new'), at('x'))
      expect(textOf(await fileIO.read(at('x')))).toBe('new')
      expect(await readFile(await fileIO.localPath(at('x')), 'utf8')).toBe('new')
    })

    it('says corrupt-data where the file to take over is missing', async () => {
      await expect(fileIO.adopt(join(folder, 'nothing'), at('x'))).rejects.toMatchObject({
        kind: 'corrupt-data',
      })
      expect(await fileIO.stat(at('x'))).toBeUndefined()
    })

    it('gives a local path that holds the same bytes, also after the file was replaced', async () => {
      await fileIO.write(at('x.parquet'), bytesOf('one'))
      expect(await readFile(await fileIO.localPath(at('x.parquet')), 'utf8')).toBe('one')
      await fileIO.write(at('x.parquet'), bytesOf('two'))
      expect(await readFile(await fileIO.localPath(at('x.parquet')), 'utf8')).toBe('two')
    })

    it('gives no local path for a file of another size than was promised', async () => {
      await fileIO.write(at('x'), bytesOf('twelve bytes'))
      expect(await readFile(await fileIO.localPath(at('x'), 12), 'utf8')).toBe('twelve bytes')
      await expect(fileIO.localPath(at('x'), 13)).rejects.toMatchObject({
        kind: 'corrupt-data',
        message: expect.stringContaining('has 12 bytes, its manifest says 13') as string,
      })
      expect(await readFile(await fileIO.localPath(at('x')), 'utf8')).toBe('twelve bytes')
    })

    it('deletes, and a second time is no error', async () => {
      await fileIO.write(at('x'), bytesOf('x'))
      await fileIO.delete(at('x'))
      await fileIO.delete(at('x'))
      await fileIO.delete(at('no/such/folder/x'))
      expect(await fileIO.stat(at('x'))).toBeUndefined()
      await expect(fileIO.localPath(at('x'))).rejects.toMatchObject({ kind: 'corrupt-data' })
    })

    it('lists every file below a folder, at any depth, and nothing beside it', async () => {
      for (const path of ['t/a', 't/b/c', 't/b/d/e', 'tt/f', 't.txt']) {
        await fileIO.write(at(path), bytesOf(path))
      }
      expect(await listed(at('t'))).toEqual([at('t/a'), at('t/b/c'), at('t/b/d/e')])
      expect(await listed(at('t/'))).toEqual([at('t/a'), at('t/b/c'), at('t/b/d/e')])
      expect(await listed(at('nothing'))).toEqual([])
    })

    it('says in a listing what it says of each file alone', async () => {
      await fileIO.write(at('t/a'), bytesOf('12345'))
      await fileIO.write(at('t/b c'), new Uint8Array())
      const listedFiles: FileStat[] = []
      for await (const file of fileIO.list(at('t'))) listedFiles.push(file)
      expect(listedFiles).toHaveLength(2)
      for (const { location, sizeBytes, modifiedMs } of listedFiles) {
        const found = await fileIO.stat(location)
        expect(found).toMatchObject({ location, sizeBytes })
        // Some stores say the time of a single file in whole seconds.
        expect(Math.abs((found?.modifiedMs ?? 0) - modifiedMs)).toBeLessThan(1000)
      }
    })

    it('says size and a plausible time of a file', async () => {
      await fileIO.write(at('x'), bytesOf('12345'))
      const found = await fileIO.stat(at('x'))
      expect(found).toMatchObject({ location: at('x'), sizeBytes: 5 })
      expect(Number.isInteger(found?.modifiedMs)).toBe(true)
    })

    it('keeps names apart that percent-encoding or a URL parser would mix up', async () => {
      const names = ['a b', 'a%20b', 'a%2Fb', 'a+b', 'q?x=1', 'h#1', '100%', 'é', '日本', "o'k"]
      names.push('day=2024-08-08', 'x&y;z')
      for (const name of names) await fileIO.write(at(`n/${name}`), bytesOf(name))
      for (const name of names) expect(textOf(await fileIO.read(at(`n/${name}`)))).toBe(name)
      expect(await listed(at('n'))).toEqual(names.map((name) => at(`n/${name}`)).sort())
      expect(await readFile(await fileIO.localPath(at('n/a%20b')), 'utf8')).toBe('a%20b')
    })
  })
}
