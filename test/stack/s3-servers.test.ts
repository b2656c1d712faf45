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

    it('keeps a named folder over a kill, and is found again by clients at its port', async () => {
      const dataFolder = join(folder, 'data')
      const first = await starters[name]({ dataFolder })
      started.push(first)
      const port = Number(new URL(first.endpoint).port)
      const restart = async (): Promise<void> => {
        if (started.length === 1) started.push(await starters[name]({ dataFolder, port }))
      }
      // What waits for the next try waits for the server.
      const fileIO = openS3(first, folder, { wait: restart })
      const location = `s3://${await createBucket(first)}/x`
      await fileIO.write(location, new Uint8Array([7]))

      process.kill(first.pid, 'SIGKILL')
      await first.stop()
      expect(await fileIO.read(location)).toEqual(new Uint8Array([7]))
      expect(started.map(({ endpoint }) => endpoint)).toEqual([first.endpoint, first.endpoint])
      fileIO.close()
    })

    it('ends when it is stopped', async () => {
      const server = await starters[name]()
      await server.stop()
      expect(() => process.kill(server.pid, 0)).toThrow('ESRCH')
    })
  })
}
