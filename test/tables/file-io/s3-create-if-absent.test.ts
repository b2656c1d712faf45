import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import type { S3Account } from '../../../stack/start-s3-server.ts'
import type { S3FileIO } from '../../../tables/file-io/s3-file-io.ts'
import { startHttpFaultProxy, type HttpFaultProxy } from '../../support/http-fault-proxy.ts'
import { createBucket, openS3, sharedS3 } from '../../support/s3-server.ts'
import { describeWithService } from '../../support/service.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

await describeWithService('minio', 'the question whether a store obeys If-None-Match', () => {
  let account: S3Account
  let bucket: string
  let proxy: HttpFaultProxy
  let folder: string
  let fileIO: S3FileIO
  let direct: S3FileIO

  beforeAll(async () => {
    account = await sharedS3('minio')
    proxy = await startHttpFaultProxy(account.endpoint)
  })
  afterAll(() => proxy.close())
  beforeEach(async () => {
    bucket = await createBucket(account)
    folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
    const through = { ...account, endpoint: proxy.url }
    fileIO = openS3(through, folder, {
      probeFolder: `s3://${bucket}/warehouse`,
      wait: async () => undefined,
    })
    direct = openS3(account, join(folder, 'direct'))
    proxy.arm()
  })
  afterEach(async () => {
    fileIO.close()
    direct.close()
    await rm(folder, { recursive: true })
  })

  const listed = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const file of direct.list(`s3://${bucket}`)) found.push(file.location)
    return found
  }
  const create = (name: string): Promise<void> =>
    fileIO.write(`s3://${bucket}/${name}`, bytesOf('second'), { ifAbsent: true })

  it('is asked once, below the folder that was named, and leaves nothing there', async () => {
    await Promise.all(['a', 'b', 'c'].map(create))
    await create('d')
    const asked = proxy.seen.filter((each) => each.includes('_sluice-probe-'))
    expect(asked.map((each) => each.split(' ')[0])).toEqual(['PUT', 'PUT', 'DELETE'])
    expect(asked.every((each) => each.includes(`/${bucket}/warehouse/`))).toBe(true)
    expect(fileIO.capabilities.createIfAbsent).toBe(true)
    expect(await listed()).toEqual(['a', 'b', 'c', 'd'].map((name) => `s3://${bucket}/${name}`))
  })

  it('is answered no by a store that ignores it; nothing is overwritten', async () => {
    await direct.write(`s3://${bucket}/x`, bytesOf('first'))
    // To ignore the header is to overwrite: what is there goes before the request passes.
    const ignore = async (): Promise<void> => {
      for (const location of await listed()) {
        if (location.includes('_sluice-probe-')) await direct.delete(location)
      }
    }
    proxy.arm({ how: 'none', method: 'PUT', before: ignore })
    await expect(create('x')).rejects.toMatchObject({ kind: 'unsupported' })
    await expect(create('y')).rejects.toMatchObject({ kind: 'unsupported' })
    expect(fileIO.capabilities.createIfAbsent).toBe(false)
    expect(textOf(await direct.read(`s3://${bucket}/x`))).toBe('first')
    expect(await listed()).toEqual([`s3://${bucket}/x`])
  })

  it('is answered no by a store that does not know it', async () => {
    const body = '<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>'
    proxy.arm({ how: 'answer', status: 501, body, method: 'PUT' })
    expect(await fileIO.probe(`s3://${bucket}`)).toBe(false)
    expect(fileIO.capabilities.createIfAbsent).toBe(false)
    await expect(create('x')).rejects.toMatchObject({ kind: 'unsupported' })
    expect(await listed()).toEqual([])
  })

  it('is answered yes also where each answer to it is lost once', async () => {
    proxy.arm({ how: 'drop-after', method: 'PUT', times: 1 })
    expect(await fileIO.probe(`s3://${bucket}`)).toBe(true)
  })

  it('is asked again where the store was away', async () => {
    proxy.arm({ how: 'reset' })
    await expect(create('x')).rejects.toMatchObject({
      kind: 'storage-unavailable',
      isRetryable: true,
    })
    proxy.arm()
    await create('x')
    expect(await listed()).toEqual([`s3://${bucket}/x`])
  })
})
