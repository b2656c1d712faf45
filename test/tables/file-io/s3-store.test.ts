import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import type { S3Account } from '../../../stack/start-s3-server.ts'
import type { S3FileIO } from '../../../tables/file-io/s3-file-io.ts'
import { createBucket, openS3, plainS3Client, sharedS3 } from '../../support/s3-server.ts'
import { describeWithService } from '../../support/service.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

for (const server of ['minio', 'versitygw'] as const) {
  await describeWithService(server, `an S3 store on ${server}`, () => {
    let account: S3Account
    let bucket: string
    let folder: string
    let fileIO: S3FileIO

    beforeAll(async () => {
      account = await sharedS3(server)
      bucket = await createBucket(account)
    })
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
      fileIO = openS3(account, folder)
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      fileIO.close()
      await rm(folder, { recursive: true })
    })

    it('takes keys as they are, as another client sees them', async () => {
      const keys = [
        'a b+c',
        '100%25',
        '%2B',
        'é/日本語/🜁',
        'day=2024-08-08/x',
        "(o'k)*!~",
        'a:b',
        'a&b;c',
      ]
      const client = plainS3Client(account)
      for (const key of keys) {
        const location = `s3://${bucket}/keys/${key}`
        await fileIO.write(location, bytesOf(key), { ifAbsent: true })
        const seen = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `keys/${key}` }))
        expect(await seen.Body?.transformToString()).toBe(key)
        expect(textOf(await fileIO.read(location))).toBe(key)
      }
      client.destroy()
      const listed: string[] = []
      for await (const file of fileIO.list(`s3://${bucket}/keys`)) listed.push(file.location)
      expect(listed.sort()).toEqual(keys.map((key) => `s3://${bucket}/keys/${key}`).sort())
    })

    // Both in pages of 1,000.
    const manyCount = server === 'minio' ? 2500 : 1001
    it(`lists a folder of ${manyCount} files`, async () => {
      const prefix = `s3://${bucket}/many`
      const names = Array.from({ length: manyCount }, (_, index) => `${prefix}/${index}`)
      await Promise.all(names.map((name) => fileIO.write(name, bytesOf('x'))))
      const listed: string[] = []
      for await (const file of fileIO.list(prefix)) listed.push(file.location)
      expect(listed).toHaveLength(manyCount)
      expect(new Set(listed)).toEqual(new Set(names))
    })

    if (server === 'minio') {
      it('takes over 100 MB in parts, and brings it back in pieces', async () => {
        const content = randomBytes(100_000_003)
        const digest = createHash('sha256').update(content).digest('hex')
        const source = join(folder, 'made.parquet')
        await writeFile(source, content)
        const location = `s3://${bucket}/data/large.parquet`
        expect(await fileIO.adopt(source, location)).toEqual({ sizeBytes: content.length })

        const client = plainS3Client(account)
        const name = { Bucket: bucket, Key: 'data/large.parquet' }
        const { ETag } = await client.send(new HeadObjectCommand(name))
        client.destroy()
        // The tag of an object of many parts ends with their number: 6 of 16 MiB.
        expect(ETag).toMatch(/-6"$/)

        const target = join(folder, 'back.parquet')
        await fileIO.download(location, target)
        const hash = createHash('sha256')
        await pipeline(createReadStream(target), hash)
        expect(hash.digest('hex')).toBe(digest)
        const tail = await fileIO.read(location, { offset: content.length - 8, length: 8 })
        expect(Buffer.compare(tail, content.subarray(-8))).toBe(0)
      })
    }

    it('keeps the file that it took over as the copy that the engine opens', async () => {
      const source = join(folder, 'made.parquet')
      await writeFile(source, 'PAR1 rows PAR1')
      const { ino } = await stat(source)
      const location = `s3://${bucket}/data/kept.parquet`
      await fileIO.adopt(source, location)
      expect((await stat(await fileIO.localPath(location, 14))).ino).toBe(ino)
    })

    it('brings back a file without bytes', async () => {
      const location = `s3://${bucket}/data/empty`
      await fileIO.write(location, new Uint8Array())
      const target = join(folder, 'empty')
      await writeFile(target, 'older and longer')
      await fileIO.download(location, target)
      expect((await stat(target)).size).toBe(0)
    })

    it('may refuse a file below a file, at once; what is there stays', async () => {
      const location = `s3://${bucket}/parent`
      await fileIO.write(location, bytesOf('first'))
      const [below] = await Promise.allSettled([
        fileIO.write(`${location}/x`, bytesOf('second'), { ifAbsent: true }),
      ])
      if (below.status === 'fulfilled') {
        expect(textOf(await fileIO.read(`${location}/x`))).toBe('second')
      } else {
        expect(below.reason).toMatchObject({ kind: 'storage-unavailable', isRetryable: false })
      }
      expect(textOf(await fileIO.read(location))).toBe('first')
    })

    it('reads what Hadoop names s3a and s3n, and lists it by the same name', async () => {
      await fileIO.write(`s3://${bucket}/hadoop/x`, bytesOf('rows'))
      for (const scheme of ['s3a', 's3n']) {
        expect(textOf(await fileIO.read(`${scheme}://${bucket}/hadoop/x`))).toBe('rows')
        for await (const file of fileIO.list(`${scheme}://${bucket}/hadoop`)) {
          expect(file.location).toBe(`${scheme}://${bucket}/hadoop/x`)
        }
      }
    })

    it('serves many more requests at once than it has connections', async () => {
      const location = `s3://${bucket}/busy`
      await fileIO.write(location, bytesOf('0123456789'))
      const reads = Array.from({ length: 300 }, (_, index) =>
        fileIO.read(location, { offset: index % 10, length: 1 }),
      )
      const texts = (await Promise.all(reads)).map(textOf)
      expect(texts).toEqual(texts.map((_, index) => String(index % 10)))
    })

    it('says which bucket is missing, whatever is asked of it', async () => {
      const missing = `s3://${bucket}-not-there`
      const path = join(folder, 'made')
      await writeFile(path, 'x')
      const calls = [
        fileIO.read(`${missing}/x`),
        fileIO.stat(`${missing}/x`),
        fileIO.write(`${missing}/x`, bytesOf('x')),
        fileIO.write(`${missing}/x`, bytesOf('x'), { ifAbsent: true }),
        fileIO.adopt(path, `${missing}/x`),
        fileIO.localPath(`${missing}/x`),
        fileIO.delete(`${missing}/x`),
        fileIO.list(missing)[Symbol.asyncIterator]().next(),
      ]
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: {
            kind: 'invalid-input',
            message: expect.stringMatching(/bucket does not exist/),
          },
        })
      }
      await stat(path)
    })

    describe('without credentials in its options', () => {
      const openByChain = (): S3FileIO => {
        vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
        for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) {
          vi.stubEnv(name, join(folder, 'none'))
        }
        return openS3(account, folder, { credentials: undefined })
      }

      it('takes those of the environment', async () => {
        vi.stubEnv('AWS_ACCESS_KEY_ID', account.accessKeyId)
        vi.stubEnv('AWS_SECRET_ACCESS_KEY', account.secretAccessKey)
        const chained = openByChain()
        await chained.write(`s3://${bucket}/chain`, bytesOf('x'))
        expect(textOf(await chained.read(`s3://${bucket}/chain`))).toBe('x')
        chained.close()
      })

      it('says so where there are none, at once', async () => {
        for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) {
          vi.stubEnv(name, undefined)
        }
        const chained = openByChain()
        await expect(chained.read(`s3://${bucket}/chain`)).rejects.toMatchObject({
          kind: 'storage-unavailable',
          isRetryable: false,
          message: expect.stringMatching(/no credentials were found/),
        })
        chained.close()
      })
    })

    it('tells a refusal from a failure, without a word of the credentials', async () => {
      const wrong = 'wrong-secret-of-a-test'
      const refused = openS3({ ...account, secretAccessKey: wrong }, folder, {
        credentials: { accessKeyId: account.accessKeyId, secretAccessKey: wrong },
      })
      await expect(refused.read(`s3://${bucket}/x`)).rejects.toMatchObject({
        kind: 'storage-unavailable',
        isRetryable: false,
        message: expect.stringMatching(/check the access key/),
      })
      refused.close()
    })
  })
}
