import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open as openFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { HdfsFileIO } from '../../../tables/file-io/hdfs-file-io.ts'
import { hdfsPlaceOf } from '../../../tables/file-io/hdfs-location.ts'
import { createWebHdfsClient } from '../../../tables/file-io/webhdfs-client.ts'
import { newHdfsRoot, openHdfs, sharedHdfs, type HdfsAddress } from '../../support/hdfs-server.ts'
import { describeWithService } from '../../support/service.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

await describeWithService('hdfs', 'a real HDFS', () => {
  let address: HdfsAddress
  let folder: string
  let root: string
  /** Two writers that know nothing of each other. */
  let fileIO: HdfsFileIO
  let other: HdfsFileIO

  beforeAll(async () => {
    address = await sharedHdfs()
    folder = await mkdtemp(join(tmpdir(), 'sluice-hdfs-'))
    root = newHdfsRoot(address)
    fileIO = openHdfs(address, join(folder, 'one'))
    other = openHdfs(address, join(folder, 'two'), { noRedirect: false })
  })
  afterAll(async () => {
    fileIO.close()
    other.close()
    await rm(folder, { recursive: true })
  })

  it('lets one of two writers win a name, over and over', async () => {
    for (let round = 0; round < 10; round += 1) {
      const location = `${root}/race/${round}`
      const results = await Promise.allSettled([
        fileIO.write(location, bytesOf('one'), { ifAbsent: true }),
        other.write(location, bytesOf('two'), { ifAbsent: true }),
      ])
      const won = results.map(({ status }) => status === 'fulfilled')
      expect([...won].sort()).toEqual([false, true])
      expect(textOf(await fileIO.read(location))).toBe(won[0] === true ? 'one' : 'two')
      const lost = results.find((result) => result.status === 'rejected')
      expect(lost?.reason).toMatchObject({ kind: 'commit-conflict' })
    }
  })

  it('keeps names that servers and parsers take for syntax, in both ways of asking', async () => {
    const names = [
      ...['day=2024-08-08', 'a+b', 'a b', ' ', 'a#b', 'a?b=c', 'a&b', 'a;b', '100%', '%2F', '%zz'],
      ...['naïve', '取引', '🚀', "o'clock", '"quoted"', '(a)', '[a]', '{a}', 'a|b', 'a\\b', 'a^b'],
      ...['a,b', 'a@b', 'a!b', 'a*b', '~a', '$a', '`a`', '<a>', '-a', '.a', '_a', 'a'.repeat(255)],
    ]
    for (const [index, store] of [fileIO, other].entries()) {
      const folderOf = (name: string) => `${root}/names-${index}/${name}`
      const write = async (name: string) => {
        await store.write(`${folderOf(name)}/${name}`, bytesOf(name), { ifAbsent: true })
        expect(textOf(await store.read(`${folderOf(name)}/${name}`))).toBe(name)
      }
      await Promise.all(names.map(write))
      const found: string[] = []
      for await (const file of store.list(`${root}/names-${index}`)) found.push(file.location)
      expect(found.sort()).toEqual(names.map((name) => `${folderOf(name)}/${name}`).sort())
    }
  })

  it('lists 2,500 files of one folder, which are more than one page', async () => {
    await createEmptyFiles(address, hdfsPlaceOf(`${root}/many`).path, 2500)
    const found = new Set<string>()
    for await (const file of fileIO.list(`${root}/many`)) found.add(file.location)
    expect(found.size).toBe(2500)
    expect(found.has(`${root}/many/2499`)).toBe(true)
  })

  it('takes over a file of 100 MB and gives it back to the engine, byte for byte', async () => {
    const made = join(folder, 'large.parquet')
    const sizeBytes = await writeLargeFile(made)
    const wanted = await digestOf(made)
    const location = `${root}/large.parquet`
    expect(await fileIO.adopt(made, location)).toEqual({ sizeBytes })
    expect(await other.stat(location)).toMatchObject({ sizeBytes })
    // Another process: it has no copy of what the first one wrote.
    expect(await digestOf(await other.localPath(location, sizeBytes))).toBe(wanted)
    const end = await other.read(location, { offset: sizeBytes - 4, length: 4 })
    expect(textOf(end)).toBe('PAR1')
  })

  it('refuses to write where a folder has the name, and leaves nothing there', async () => {
    await fileIO.write(`${root}/taken/x`, bytesOf('x'))
    for (const ifAbsent of [true, false]) {
      await expect(fileIO.write(`${root}/taken`, bytesOf('y'), { ifAbsent })).rejects.toMatchObject(
        { kind: 'storage-unavailable', isRetryable: false },
      )
    }
    await expect(fileIO.delete(`${root}/taken`)).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
    const found: string[] = []
    for await (const file of fileIO.list(root)) found.push(file.location)
    expect(found.filter((location) => location.includes('.tmp'))).toEqual([])
    expect(textOf(await fileIO.read(`${root}/taken/x`))).toBe('x')
  })
})

/** Straight under their names: a rename of each would take twice as long. */
async function createEmptyFiles(
  { webUrl }: HdfsAddress,
  path: string,
  count: number,
): Promise<void> {
  const client = createWebHdfsClient({ nameNodes: [webUrl], user: 'sluice' })
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await client.create(`${path}/${next - 1}`, new Uint8Array(), new Set())
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  client.close()
}

/** 100 MiB of bytes that do not repeat soon, with the end of a Parquet file. */
async function writeLargeFile(path: string): Promise<number> {
  const file = await openFile(path, 'w')
  try {
    const block = Buffer.alloc(1024 * 1024)
    for (let index = 0; index < 100; index += 1) {
      for (let at = 0; at < block.length; at += 4) block.writeUInt32LE((index << 20) ^ at, at)
      await file.write(block)
    }
    await file.write('PAR1')
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
