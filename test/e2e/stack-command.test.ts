import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { freePorts } from '../../stack/free-ports.ts'
import { readProcessBirth } from '../../stack/process-birth.ts'
import { runCommand } from '../../stack/run-command.ts'
import { parseStackEnv } from '../../stack/stack-env.ts'
import { stackPorts } from '../../stack/stack-settings.ts'
import { repositoryRoot } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'

const statusSchema = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      condition: z.string(),
      isHealthy: z.boolean(),
      supervisorPid: z.number().optional(),
      pids: z.array(z.number()),
      addresses: z.record(z.string(), z.string()),
    }),
  ),
})

await describeWithService('minio', 'npm run stack', () => {
  let folder: string
  let environment: Record<string, string>
  let port: number

  /** `npm run` itself, as a person types it. */
  const stack = async (...args: string[]) =>
    runCommand('npm', ['run', '-s', 'stack', '--', ...args], {
      cwd: repositoryRoot,
      env: environment,
    })
  const minioStatus = async () => {
    const { stdout } = await stack('status', '--json', 'minio')
    const [status] = statusSchema.parse(JSON.parse(stdout)).services
    if (status === undefined) throw new Error('no status')
    return status
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-stack-'))
    const [free = 0] = await freePorts(1)
    port = free
    environment = {
      SLUICE_STACK_FOLDER: join(folder, 'stack'),
      SLUICE_STACK_ENV: join(folder, 'secrets.env'),
      SLUICE_STACK_PORT_OFFSET: String(free - stackPorts.minio),
    }
  })
  afterAll(async () => {
    await stack('stop')
    await rm(folder, { recursive: true, force: true })
  })

  it('names the port that somebody else holds, and starts nothing', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    await expect(stack('start', 'minio')).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken`)
    await new Promise((resolve) => other.close(resolve))
    expect((await minioStatus()).condition).toBe('stopped')
  })

  it('returns with MinIO running, healthy and known to status', async () => {
    const { stdout } = await stack('start', 'minio')
    expect(stdout).toContain(`runs at http://127.0.0.1:${port}`)
    expect(stdout).toContain('examples/minio.yaml')
    const status = await minioStatus()
    expect(status).toMatchObject({
      condition: 'running',
      isHealthy: true,
      addresses: { s3: `http://127.0.0.1:${port}`, bucket: 's3://sluice-lake' },
    })
    expect(await readProcessBirth(status.pids[0] ?? 0)).toBeDefined()
  })

  it('says that it runs already, and leaves the process alone', async () => {
    const before = await minioStatus()
    const { stdout } = await stack('start', 'minio')
    expect(stdout).toContain('runs already')
    expect((await minioStatus()).pids).toEqual(before.pids)
  })

  it("gives the writer's account the bucket of the lake and nothing else", async () => {
    const writer = await connectWriter(port, environment['SLUICE_STACK_ENV'] ?? '')
    try {
      const at = { Bucket: 'sluice-lake', Key: 'probe' }
      await writer.send(new PutObjectCommand({ ...at, Body: 'kept' }))
      const other = new CreateBucketCommand({ Bucket: 'another' })
      await expect(writer.send(other)).rejects.toMatchObject({ name: 'AccessDenied' })
    } finally {
      writer.destroy()
    }
  })

  it('prints no secret and notes none in its files', async () => {
    const { stdout, stderr } = await stack('status', '--json')
    const path = environment['SLUICE_STACK_ENV'] ?? ''
    const secrets = parseStackEnv(await readFile(path, 'utf8'), path)
    const state = await readFile(join(folder, 'stack', 'minio', 'state.json'), 'utf8')
    for (const secret of Object.values(secrets)) {
      expect(`${stdout}${stderr}${state}`).not.toContain(secret)
    }
  })

  it('notices that it was killed, starts it again, and keeps its data', async () => {
    const { supervisorPid = 0 } = await minioStatus()
    process.kill(supervisorPid, 'SIGKILL')
    // Status ends with code 1 where something has ended by itself.
    await expect(stack('status', 'minio')).rejects.toThrow('minio ended by itself')
    const { stdout } = await stack('start', 'minio')
    expect(stdout).toContain('had ended without being stopped')
    const writer = await connectWriter(port, environment['SLUICE_STACK_ENV'] ?? '')
    const found = await writer.send(new GetObjectCommand({ Bucket: 'sluice-lake', Key: 'probe' }))
    expect(await found.Body?.transformToString()).toBe('kept')
    writer.destroy()
  })

  it('ends it, and frees its port', async () => {
    const { pids, supervisorPid = 0 } = await minioStatus()
    const { stdout } = await stack('stop', 'minio')
    expect(stdout).toContain('stopped')
    for (const pid of [...pids, supervisorPid]) expect(await readProcessBirth(pid)).toBeUndefined()
    expect((await minioStatus()).condition).toBe('stopped')
  })
})

async function connectWriter(port: number, envPath: string): Promise<S3Client> {
  const secrets = parseStackEnv(await readFile(envPath, 'utf8'), envPath)
  return new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: secrets.SLUICE_S3_ACCESS_KEY_ID,
      secretAccessKey: secrets.SLUICE_S3_SECRET_ACCESS_KEY,
    },
  })
}
