import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import type { HdfsFileIO, HdfsFileIOOptions } from '../../../tables/file-io/hdfs-file-io.ts'
import { HDFS_TEMPORARY_NAME } from '../../../tables/file-io/hdfs-write.ts'
import { fileNameOf } from '../../../tables/file-io/location.ts'
import { newHdfsRoot, openHdfs, sharedHdfs, type HdfsAddress } from '../../support/hdfs-server.ts'
import { startHttpFaultProxy, type HttpFaultProxy } from '../../support/http-fault-proxy.ts'
import { describeWithService } from '../../support/service.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const away = { kind: 'storage-unavailable', isRetryable: true }

await describeWithService('hdfs', 'an HDFS store behind a bad network', () => {
  let address: HdfsAddress
  let nameNode: HttpFaultProxy
  let dataNode: HttpFaultProxy
  let folder: string
  let root: string
  /** The store through the proxies, and past them. */
  let fileIO: HdfsFileIO
  let direct: HdfsFileIO
  let waitCount: number

  beforeAll(async () => {
    address = await sharedHdfs()
    nameNode = await startHttpFaultProxy(address.webUrl)
    dataNode = await startHttpFaultProxy(address.dataNodeUrl)
  })
  afterAll(() => Promise.all([nameNode.close(), dataNode.close()]))
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-hdfs-'))
    root = newHdfsRoot(address)
    waitCount = 0
    fileIO = open()
    direct = openHdfs(address, join(folder, 'direct'))
    nameNode.arm()
    dataNode.arm()
  })
  afterEach(async () => {
    fileIO.close()
    direct.close()
    await rm(folder, { recursive: true })
  })

  const open = (options: Partial<HdfsFileIOOptions> = {}): HdfsFileIO =>
    openHdfs(address, folder, {
      nameNodes: [nameNode.url],
      dataNodeHosts: { [new URL(address.dataNodeUrl).host]: new URL(dataNode.url).host },
      wait: async () => void (waitCount += 1),
      ...options,
    })

  async function names(): Promise<string[]> {
    const found: string[] = []
    for await (const file of direct.list(root)) found.push(fileNameOf(file.location))
    return found.sort()
  }

  const createNew = (name: string, text: string): Promise<void> =>
    fileIO.write(`${root}/${name}`, bytesOf(text), { ifAbsent: true })

  it('sends a request again until a storm of 503 is over, at either server', async () => {
    nameNode.arm({ how: 'answer', status: 503, url: /op=CREATE/, times: 3 })
    dataNode.arm({ how: 'answer', status: 503, times: 2 })
    await createNew('x', 'rows')
    expect(waitCount).toBe(5)
    expect(textOf(await direct.read(`${root}/x`))).toBe('rows')
    expect(await names()).toEqual(['x'])
  })

  it('gives up after the tries that it was given, and says that it may be tried again', async () => {
    const hasty = open({ retry: { triesMax: 2 } })
    nameNode.arm({ how: 'answer', status: 503 })
    const location = `${root}/x`
    const failures = [
      hasty.write(location, bytesOf('x')),
      hasty.write(location, bytesOf('x'), { ifAbsent: true }),
      hasty.read(location),
      hasty.stat(location),
      hasty.delete(location),
      hasty.localPath(location),
      hasty.list(root)[Symbol.asyncIterator]().next(),
    ]
    for (const result of await Promise.allSettled(failures)) {
      expect(result).toMatchObject({ status: 'rejected', reason: away })
    }
    hasty.close()
    expect(await names()).toEqual([])
  })

  it.each(['reset', 'truncate', 'cut-quietly', 'stall', 'stall-body'] as const)(
    'gives whole files or none where answers of a DataNode meet: %s',
    async (how) => {
      const isStall = how.startsWith('stall')
      const patience = isStall ? { timeoutMs: 500 } : {}
      const lasting = open(patience)
      const soonDone = open({ ...patience, retry: { triesMax: 1 } })
      const location = `${root}/x`
      const content = 'abcdefghij'.repeat(5000)
      await direct.write(location, bytesOf(content))
      const range = { offset: 10, length: 30_000 }
      const reads = {
        whole: async (from: HdfsFileIO) => textOf(await from.read(location)),
        range: async (from: HdfsFileIO) => textOf(await from.read(location, range)),
        path: async (from: HdfsFileIO) => readFile(await from.localPath(location), 'utf8'),
      }
      const wanted = { whole: content, range: content.slice(10, 30_010), path: content }
      for (const name of ['whole', 'range', 'path'] as const) {
        dataNode.arm({ how, method: 'GET' })
        await expect(reads[name](soonDone)).rejects.toMatchObject(away)
        dataNode.arm({ how, method: 'GET', times: isStall ? 1 : 2 })
        expect(await reads[name](lasting)).toBe(wanted[name])
      }
      lasting.close()
      soonDone.close()
    },
  )

  it.each(['reset', 'drop-after', 'truncate', 'stall'] as const)(
    'writes a file once, whatever becomes of answers to CREATE and to the bytes: %s',
    async (how) => {
      const store = open(how === 'stall' ? { timeoutMs: 500 } : {})
      const made = join(folder, 'made.parquet')
      await writeFile(made, 'many rows')
      nameNode.arm({ how, method: 'PUT', url: /op=CREATE/, times: 1 })
      dataNode.arm({ how, method: 'PUT', times: 1 })
      await store.write(`${root}/x`, bytesOf('rows'), { ifAbsent: true })
      dataNode.arm({ how, method: 'PUT', times: 1 })
      expect(await store.adopt(made, `${root}/y`)).toEqual({ sizeBytes: 9 })
      expect(textOf(await direct.read(`${root}/x`))).toBe('rows')
      expect(textOf(await direct.read(`${root}/y`))).toBe('many rows')
      await expect(access(made)).rejects.toMatchObject({ code: 'ENOENT' })
      expect(await names()).toEqual(['x', 'y'])
      store.close()
    },
  )

  it.each(['drop-after', 'reset', 'stall'] as const)(
    'knows its own file again where the answer to a rename is lost: %s',
    async (how) => {
      const store = open(how === 'stall' ? { timeoutMs: 500 } : {})
      for (const [name, ifAbsent] of [
        ['x', true],
        ['y', false],
      ] as const) {
        nameNode.arm({ how, method: 'PUT', url: /op=RENAME/, times: 1 })
        await store.write(`${root}/${name}`, bytesOf('ours'), { ifAbsent })
        expect(textOf(await direct.read(`${root}/${name}`))).toBe('ours')
      }
      expect(await names()).toEqual(['x', 'y'])
      store.close()
    },
  )

  it("does not take somebody else's equal file for its own where an answer is lost", async () => {
    const other = () => direct.write(`${root}/x`, bytesOf('same'), { ifAbsent: true })
    // Our rename never arrives; theirs does in the meantime.
    nameNode.arm({ how: 'reset', method: 'PUT', url: /op=RENAME/, times: 1, before: other })
    await expect(createNew('x', 'same')).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(await names()).toEqual(['x'])
    // Ours arrives, and its answer is lost together with the first look at what it did.
    nameNode.arm(
      { how: 'drop-after', method: 'PUT', url: /op=RENAME/, times: 1 },
      { how: 'answer', status: 503, url: /\/y\?op=GETFILESTATUS/, times: 1 },
    )
    await createNew('y', 'same')
    expect(await names()).toEqual(['x', 'y'])
  })

  it('says that it does not know where its file went and nothing of it is left', async () => {
    const vanish = async () => {
      for (const name of await names()) await direct.delete(`${root}/${name}`)
    }
    nameNode.arm({ how: 'reset', method: 'PUT', url: /op=RENAME/, times: 1, before: vanish })
    await expect(createNew('x', 'rows')).rejects.toMatchObject({ kind: 'commit-state-unknown' })
  })

  it('leaves a file that a removal of orphans finds where it dies before the rename', async () => {
    // Neither the rename nor the removal of what was written aside gets through.
    const hasty = open({ retry: { triesMax: 1 } })
    nameNode.arm({ how: 'reset', url: /op=RENAME/ }, { how: 'reset', url: /op=DELETE/ })
    await expect(
      hasty.write(`${root}/x`, bytesOf('rows'), { ifAbsent: true }),
    ).rejects.toMatchObject({
      ...away,
      message: expect.stringMatching(/may or may not/) as unknown,
    })
    hasty.close()
    const left = await names()
    expect(left).toHaveLength(1)
    expect(left[0]).toMatch(HDFS_TEMPORARY_NAME)
  })
})
