import dns from 'node:dns'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { startMinio } from '../../../stack/minio.ts'
import type { S3Server } from '../../../stack/start-s3-server.ts'
import { createBucket, openS3 } from '../../support/s3-server.ts'
import { describeWithService } from '../../support/service.ts'

await describeWithService('minio', 'an S3 store whose buckets are hosts', () => {
  let server: S3Server
  let folder: string
  const asked = new Set<string>()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
    server = await startMinio({ domain: 's3.test' })
    // No name server knows these names: they all are this machine.
    const resolve = dns.lookup
    vi.spyOn(dns, 'lookup').mockImplementation((host: string, ...rest: unknown[]) => {
      asked.add(host)
      const isOurs = host.endsWith('s3.test')
      Reflect.apply(resolve, dns, [isOurs ? '127.0.0.1' : host, ...rest])
    })
  })
  afterAll(async () => {
    vi.restoreAllMocks()
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('is read, written and listed by the hosts of its buckets', async () => {
    const bucket = await createBucket(server)
    const endpoint = server.endpoint.replace('127.0.0.1', 's3.test')
    const fileIO = openS3({ ...server, endpoint }, folder, { isPathStyle: false })
    const location = `s3://${bucket}/a b/día=1/x`
    await fileIO.write(location, new Uint8Array([1, 2, 3]), { ifAbsent: true })
    await expect(
      fileIO.write(location, new Uint8Array(), { ifAbsent: true }),
    ).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(await fileIO.read(location)).toEqual(new Uint8Array([1, 2, 3]))
    for await (const file of fileIO.list(`s3://${bucket}`)) expect(file.location).toBe(location)
    fileIO.close()
    expect([...asked]).toEqual([`${bucket}.s3.test`])
  })
})
