import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startMinio } from '../../stack/minio.ts'
import type { S3Server } from '../../stack/start-s3-server.ts'
import { startVersitygw } from '../../stack/versitygw.ts'
import { createBucket, openS3 } from '../support/s3-server.ts'
import { describeWithService } from '../support/service.ts'

const starters = { minio: startMinio, versitygw: startVersitygw }

for (const name of ['minio', 'versitygw'] as const) {
  await describeWithService(name, `the ${name} of tests`, () => {
    let folder: string
    const started: S3Server[] = []
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
    })
    afterEach(async () => {
      await Promise.all(started.splice(0).map((server) => server.stop()))
      await rm(folder, { recursive: true, force: true })
    })

    it('keeps a folder that was named, on a port that was named, also over a kill', async () => {
      const dataFolder = join(folder, 'data')
      const first = await starters[name]({ dataFolder })
      started.push(first)
      const location = `s3://${await createBucket(first)}/x`
      const writer = openS3(first, folder)
      await writer.write(location, new Uint8Array([7]))
      writer.close()
      process.kill(first.pid, 'SIGKILL')
      await first.stop()

      const port = Number(new URL(first.endpoint).port)
      const second = await starters[name]({ dataFolder, port })
      started.push(second)
      expect(second.endpoint).toBe(first.endpoint)
      const reader = openS3(second, folder)
      expect(await reader.read(location)).toEqual(new Uint8Array([7]))
      reader.close()
    })

    it('ends when it is stopped', async () => {
      const server = await starters[name]()
      await server.stop()
      expect(() => process.kill(server.pid, 0)).toThrow('ESRCH')
    })
  })
}
