import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import type { S3Account } from '../../../stack/start-s3-server.ts'
import type { S3FileIO, S3FileIOOptions } from '../../../tables/file-io/s3-file-io.ts'
import { startHttpFaultProxy, type HttpFaultProxy } from '../../support/http-fault-proxy.ts'
import { createBucket, openS3, plainS3Client, sharedS3 } from '../../support/s3-server.ts'
import { describeWithService } from '../../support/service.ts'

const MIB = 1024 * 1024
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const away = { kind: 'storage-unavailable', isRetryable: true }

for (const server of ['minio', 'versitygw'] as const) {
  await describeWithService(server, `an S3 store on ${server} behind a bad network`, () => {
    let account: S3Account
    let bucket: string
    let proxy: HttpFaultProxy
    let folder: string
    /** The store through the proxy, and past it. */
    let fileIO: S3FileIO
    let direct: S3FileIO
    let waitsMs: number[]

    beforeAll(async () => {
      account = await sharedS3(server)
      bucket = await createBucket(account)
      proxy = await startHttpFaultProxy(account.endpoint)
    })
    afterAll(() => proxy.close())
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
      waitsMs = []
      fileIO = open()
      direct = openS3(account, join(folder, 'direct'))
      // Whether the store creates files only where there is none is asked before the first fault.
      proxy.arm()
      await fileIO.probe(`s3://${bucket}`)
    })
    afterEach(async () => {
      fileIO.close()
      direct.close()
      await rm(folder, { recursive: true })
    })

    const open = (options: Partial<S3FileIOOptions> = {}): S3FileIO =>
      openS3({ ...account, endpoint: proxy.url }, folder, {
        multipart: { thresholdBytes: 5 * MIB, partBytes: 5 * MIB },
        wait: async (waitMs) => void waitsMs.push(waitMs),
        ...options,
      })
    let nameCount = 0
    const newLocation = (): string => `s3://${bucket}/faults/${(nameCount += 1)}.bin`

    it('sends a request again, after growing waits, until a storm of 503 is over', async () => {
      const location = newLocation()
      proxy.arm({ how: 'answer', status: 503, times: 4 })
      await fileIO.write(location, bytesOf('rows'))
      expect(waitsMs).toHaveLength(4)
      for (const [index, longestMs] of [100, 200, 400, 800].entries()) {
        expect(waitsMs[index]).toBeGreaterThanOrEqual(longestMs / 2)
        expect(waitsMs[index]).toBeLessThanOrEqual(longestMs)
      }
      expect(textOf(await direct.read(location))).toBe('rows')
    })

    it('gives up after six tries, and says that it may be tried again', async () => {
      const location = newLocation()
      proxy.arm({ how: 'answer', status: 503 })
      const failures = [
        fileIO.write(location, bytesOf('x')),
        fileIO.write(location, bytesOf('x'), { ifAbsent: true }),
        fileIO.read(location),
        fileIO.stat(location),
        fileIO.delete(location),
        fileIO.localPath(location),
        fileIO.list(`s3://${bucket}/faults`)[Symbol.asyncIterator]().next(),
      ]
      for (const result of await Promise.allSettled(failures)) {
        expect(result).toMatchObject({ status: 'rejected', reason: away })
      }
      expect(proxy.seen).toHaveLength(6 * failures.length)
      expect(await direct.stat(location)).toBeUndefined()
    })

    // How long is too long is the client's own matter: one server is enough for that.
    const stalls = server === 'minio' ? (['stall', 'stall-body'] as const) : []
    it.each(['reset', 'truncate', 'cut-quietly', ...stalls] as const)(
      'gives whole files or none where answers meet: %s',
      async (how) => {
        const isStall = how.startsWith('stall')
        const patience = isStall ? { idleTimeoutMs: 400 } : {}
        const lasting = open(patience)
        const soonDone = open({ ...patience, retry: { triesMax: 2 } })
        const location = newLocation()
        const content = 'abcdefghij'.repeat(5000)
        await direct.write(location, bytesOf(content))
        const range = { offset: 10, length: 30_000 }
        const reads = {
          whole: async (from: S3FileIO) => textOf(await from.read(location)),
          range: async (from: S3FileIO) => textOf(await from.read(location, range)),
          path: async (from: S3FileIO) => readFile(await from.localPath(location), 'utf8'),
        }
        const wanted = { whole: content, range: content.slice(10, 30_010), path: content }
        for (const name of ['whole', 'range', 'path'] as const) {
          if (name !== 'path' || !isStall) {
            proxy.arm({ how, method: 'GET' })
            await expect(reads[name](soonDone)).rejects.toMatchObject({ kind: away.kind })
          }
          proxy.arm({ how, method: 'GET', times: isStall ? 1 : 2 })
          const got = await reads[name](lasting).catch((error: unknown) => error)
          // A body whose end nobody can know is refused for good, without a second try.
          const isRefused = how === 'cut-quietly' && name === 'whole'
          if (isRefused) expect(got).toMatchObject({ kind: away.kind, isRetryable: false })
          else expect(got).toBe(wanted[name])
        }
        lasting.close()
        soonDone.close()
      },
    )

    it('sends a file again where nothing is answered', async () => {
      const location = newLocation()
      const impatient = open({ idleTimeoutMs: 400 })
      await impatient.probe(location)
      proxy.arm({ how: 'stall', method: 'PUT', times: 1 })
      const content = Buffer.alloc(3 * MIB, 'rows')
      await impatient.write(location, content, { ifAbsent: true })
      expect(Buffer.compare(await direct.read(location), content)).toBe(0)
      impatient.close()
    })

    it('does not mix two versions of a file that is replaced while it is read', async () => {
      const location = newLocation()
      await direct.write(location, Buffer.alloc(20 * MIB, 'old'))
      const replace = () => direct.write(location, Buffer.alloc(20 * MIB, 'new'))
      proxy.arm(
        { how: 'none', method: 'GET', times: 1 },
        { how: 'none', method: 'GET', times: 1, before: replace },
      )
      await expect(fileIO.localPath(location)).rejects.toMatchObject(away)
      const again = await readFile(await fileIO.localPath(location))
      expect(Buffer.compare(again, Buffer.alloc(20 * MIB, 'new'))).toBe(0)
    })

    it('lists all or fails where a page breaks off', async () => {
      const prefix = `s3://${bucket}/listed-${(nameCount += 1)}`
      for (const name of ['a', 'b', 'c']) await direct.write(`${prefix}/${name}`, bytesOf(name))
      const list = async (): Promise<string[]> => {
        const found: string[] = []
        for await (const file of fileIO.list(prefix)) found.push(file.location)
        return found
      }
      proxy.arm({ how: 'truncate', times: 2 })
      expect(await list()).toEqual(['a', 'b', 'c'].map((name) => `${prefix}/${name}`))
      proxy.arm({ how: 'cut-quietly' })
      await expect(list()).rejects.toMatchObject(away)
    })

    it.each([true, false])(
      'knows its own file where an answer was lost, ifAbsent %s',
      async (ifAbsent) => {
        const location = newLocation()
        proxy.arm({ how: 'drop-after', method: 'PUT', times: 1 })
        await fileIO.write(location, bytesOf('ours'), { ifAbsent })
        expect(textOf(await direct.read(location))).toBe('ours')
        expect(proxy.seen.filter((each) => each.startsWith('PUT'))).toHaveLength(2)
      },
    )

    it('knows its own file where a proxy on the way sent the request twice', async () => {
      const location = newLocation()
      proxy.arm({ how: 'twice', method: 'PUT' })
      await fileIO.write(location, bytesOf('ours'), { ifAbsent: true })
      await expect(
        fileIO.write(location, bytesOf('ours'), { ifAbsent: true }),
      ).rejects.toMatchObject({ kind: 'commit-conflict' })
    })

    it('overwrites nothing where it cannot be told who was first', async () => {
      const location = newLocation()
      proxy.arm(
        { how: 'drop-after', method: 'PUT', times: 1 },
        { how: 'answer', status: 503, method: 'HEAD' },
      )
      const failure = fileIO.write(location, bytesOf('ours'), { ifAbsent: true })
      await expect(failure).rejects.toMatchObject(away)
      await expect(failure).rejects.toThrow(/before it said who created it/)
    })

    it('knows the file of another where its own request was lost, equal bytes or not', async () => {
      for (const theirs of ['theirs', 'ours']) {
        const location = newLocation()
        proxy.arm({
          how: 'reset',
          method: 'PUT',
          times: 1,
          before: () => direct.write(location, bytesOf(theirs), { ifAbsent: true }),
        })
        await expect(
          fileIO.write(location, bytesOf('ours'), { ifAbsent: true }),
        ).rejects.toMatchObject({ kind: 'commit-conflict' })
        expect(textOf(await direct.read(location))).toBe(theirs)
      }
    })

    it('says that a file may be there where no answer came at all', async () => {
      const location = newLocation()
      proxy.arm({ how: 'drop-after', method: 'PUT' }, { how: 'reset' })
      const failure = fileIO.write(location, bytesOf('ours'), { ifAbsent: true })
      await expect(failure).rejects.toMatchObject(away)
      await expect(failure).rejects.toThrow(/may or may not be there/)
      expect(textOf(await direct.read(location))).toBe('ours')
    })

    it('sends the parts of a large file again, and the end of it, where answers are lost', async () => {
      const location = newLocation()
      const source = join(folder, 'made.parquet')
      const content = Buffer.alloc(12 * MIB, 'rows of a file. ')
      await writeFile(source, content)
      proxy.arm(
        { how: 'reset', method: 'PUT', url: /partNumber=1/, times: 1 },
        { how: 'answer', status: 503, method: 'PUT', url: /partNumber=2/, times: 2 },
        { how: 'drop-after', method: 'PUT', url: /partNumber=3/, times: 1 },
        { how: 'drop-after', method: 'POST', url: /uploadId=/, times: 1 },
      )
      expect(await fileIO.adopt(source, location)).toEqual({ sizeBytes: content.length })
      expect(Buffer.compare(await direct.read(location), content)).toBe(0)
      await expect(access(source)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('leaves no part behind an upload that fails, and keeps the local file', async () => {
      const location = newLocation()
      const source = join(folder, 'made.parquet')
      await writeFile(source, Buffer.alloc(12 * MIB, 'x'))
      proxy.arm({ how: 'answer', status: 503, method: 'PUT', url: /partNumber=2/ })
      await expect(fileIO.adopt(source, location)).rejects.toMatchObject(away)
      await access(source)
      expect(await direct.stat(location)).toBeUndefined()
      const client = plainS3Client(account)
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      client.destroy()
      expect(Uploads ?? []).toEqual([])
    })
  })
}
