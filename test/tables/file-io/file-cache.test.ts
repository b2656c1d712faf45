import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { type Clock, randomIds } from '../../../tables/clock.ts'
import { createFileCache, type FileCache } from '../../../tables/file-io/file-cache.ts'

const KIB = 1024

describe('createFileCache', () => {
  let folder: string
  let timeMs: number
  let fetched: string[]
  const clock: Clock = { nowUs: () => BigInt(timeMs) * 1000n }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
    timeMs = Date.UTC(2026, 0, 1)
    fetched = []
  })
  afterEach(() => rm(folder, { recursive: true }))

  function cacheOf(process: string, bytesMax = 1024 * KIB): FileCache {
    const ownFolder = join(folder, 'open', process)
    return createFileCache({ folder, ownFolder, bytesMax, clock, ids: randomIds })
  }

  function parquetOf(location: string, sizeBytes = KIB): Buffer {
    const bytes = Buffer.alloc(sizeBytes, location)
    bytes.write('PAR1', sizeBytes - 4)
    return bytes
  }

  async function open(cache: FileCache, location: string, sizeBytes = KIB): Promise<string> {
    return cache.path(
      location,
      async (target) => {
        fetched.push(location)
        await writeFile(target, parquetOf(location, sizeBytes))
      },
      sizeBytes,
    )
  }

  const later = (ms: number): void => void (timeMs += ms)
  const contentOf = async (path: string): Promise<Buffer> => readFile(path)

  it('fetches a file once, for callers at one time and for those of other processes', async () => {
    const location = 's3://lake/data/a.parquet'
    const first = cacheOf('1')
    const [one, two] = await Promise.all([open(first, location), open(first, location)])
    expect(one).toBe(two)
    expect(one).toMatch(/\.parquet$/)
    const elsewhere = await open(cacheOf('2'), location)
    expect(elsewhere).not.toBe(one)
    expect(await contentOf(elsewhere)).toEqual(parquetOf(location))
    expect(fetched).toEqual([location])
  })

  it('remembers no failure', async () => {
    const cache = cacheOf('1')
    const broken = cache.path('s3://lake/a.parquet', () => Promise.reject(new Error('cut off')))
    await expect(broken).rejects.toThrow('cut off')
    expect(await contentOf(await open(cache, 's3://lake/a.parquet'))).toHaveLength(KIB)
  })

  it('leaves nothing of a fetch that failed half-way', async () => {
    const cache = cacheOf('1')
    const broken = cache.path('s3://lake/a.parquet', async (target) => {
      await writeFile(target, 'half')
      throw new Error('cut off')
    })
    await expect(broken).rejects.toThrow('cut off')
    expect(await readdir(join(folder, 'files'))).toEqual([])
    expect(await readdir(join(folder, 'open', '1'))).toEqual([])
  })

  it('refuses what was fetched with another size than the manifest says', async () => {
    const cache = cacheOf('1')
    const short = cache.path(
      's3://lake/a.parquet',
      (target) => writeFile(target, parquetOf('a', 100)),
      101,
    )
    await expect(short).rejects.toMatchObject({
      kind: 'corrupt-data',
      message: expect.stringContaining('s3://lake/a.parquet has 100 bytes') as string,
    })
  })

  it.each([
    ['is cut off', (path: string) => truncate(path, KIB / 2)],
    ['ends in zeros, as after a power cut', (path: string) => writeFile(path, Buffer.alloc(KIB))],
  ])('fetches again where a copy %s', async (_, damage) => {
    const location = 's3://lake/a.parquet'
    await open(cacheOf('1'), location)
    const [name] = await readdir(join(folder, 'files'))
    await damage(join(folder, 'files', name ?? ''))
    expect(await contentOf(await open(cacheOf('2'), location))).toEqual(parquetOf(location))
    expect(fetched).toHaveLength(2)
  })

  it('stays within its bound, the least recently used going first', async () => {
    const cache = cacheOf('1', 4 * KIB)
    for (const name of ['a', 'b', 'c', 'a', 'd', 'e']) {
      await open(cache, `s3://lake/${name}.parquet`)
      later(120_000)
    }
    const kept = await readdir(join(folder, 'files'))
    expect(kept.length).toBeLessThanOrEqual(4)
    fetched = []
    for (const name of ['e', 'd']) await open(cacheOf('2', 4 * KIB), `s3://lake/${name}.parquet`)
    expect(fetched).toEqual([])
    await open(cacheOf('2', 4 * KIB), 's3://lake/b.parquet')
    expect(fetched).toEqual(['s3://lake/b.parquet'])
  })

  it('keeps what is held, however long, and whoever else needs room', async () => {
    const cache = cacheOf('1', 2 * KIB)
    const release = cache.hold()
    const held = await Promise.all(['a', 'b', 'c'].map((name) => open(cache, `s3://${name}`)))
    later(3_600_000)
    const other = cacheOf('2', 2 * KIB)
    for (const name of ['d', 'e', 'f', 'g']) {
      await open(other, `s3://${name}`)
      later(120_000)
    }
    await open(cache, 's3://h')
    for (const path of held) expect((await stat(path)).size).toBe(KIB)
    release()
    later(120_000)
    await open(cache, 's3://i')
    const left = await Promise.all(
      held.map((path) =>
        stat(path).then(
          () => 1,
          () => 0,
        ),
      ),
    )
    expect(left).not.toEqual([1, 1, 1])
  })

  it('keeps what was just written, without a fetch', async () => {
    const cache = cacheOf('1')
    const written = join(folder, 'scratch.parquet')
    await mkdir(folder, { recursive: true })
    await writeFile(written, parquetOf('new'))
    await cache.keep('s3://lake/new.parquet', written)
    expect(await contentOf(await open(cache, 's3://lake/new.parquet'))).toEqual(parquetOf('new'))
    await open(cacheOf('2'), 's3://lake/new.parquet')
    expect(fetched).toEqual([])
  })

  it('forgets a file that was deleted', async () => {
    const cache = cacheOf('1')
    const path = await open(cache, 's3://lake/a.parquet')
    await cache.drop('s3://lake/a.parquet')
    await expect(stat(path)).rejects.toThrow('ENOENT')
    await open(cache, 's3://lake/a.parquet')
    expect(fetched).toHaveLength(2)
  })
})
