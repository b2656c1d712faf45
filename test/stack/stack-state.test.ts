import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readProcessBirth } from '../../stack/process-birth.ts'
import { stackServices } from '../../stack/stack-services.ts'
import { stackPlace, stackPorts } from '../../stack/stack-settings.ts'
import {
  readServiceState,
  removeServiceState,
  writeServiceState,
  type ServiceState,
} from '../../stack/stack-state.ts'
import { readServiceStatus, statusText } from '../../stack/stack-status.ts'
import { startService } from '../../stack/start-service.ts'
import { stopService } from '../../stack/stop-service.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-state-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const stateOf = (supervisor: ServiceState['supervisor']): ServiceState => ({
  service: 'minio',
  title: 'MinIO',
  phase: 'running',
  supervisor,
  pids: [supervisor.pid],
  addresses: { s3: 'http://127.0.0.1:9000' },
  logPath: join(folder, 'minio', 'service.log'),
  startedAt: '2025-01-15T14:30:00.000Z',
})

/** A process that has run and is gone. */
async function deadProcess(): Promise<ServiceState['supervisor']> {
  const child = spawn('sleep', ['600'])
  const pid = child.pid ?? 0
  const bornAt = await readProcessBirth(pid)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { pid, ...(bornAt === undefined ? {} : { bornAt }) }
}

describe('the state file of a service', () => {
  it('is held while its supervisor lives', async () => {
    const bornAt = await readProcessBirth(process.pid)
    const state = stateOf({ pid: process.pid, ...(bornAt === undefined ? {} : { bornAt }) })
    await writeServiceState(folder, 'minio', state)
    expect(await readServiceState(folder, 'minio')).toEqual({ kind: 'held', state })
  })

  it('is stale once its supervisor is dead', async () => {
    const state = stateOf(await deadProcess())
    await writeServiceState(folder, 'minio', state)
    expect(await readServiceState(folder, 'minio')).toEqual({ kind: 'stale', state })
  })

  it('is stale where another process has got the pid', async () => {
    const state = stateOf({ pid: process.pid, bornAt: 'another-boot:1' })
    await writeServiceState(folder, 'minio', state)
    expect((await readServiceState(folder, 'minio')).kind).toBe('stale')
  })

  it('counts as none where it is missing, taken away or cut short', async () => {
    expect(await readServiceState(folder, 'kafka')).toEqual({ kind: 'none' })
    await writeServiceState(folder, 'kafka', stateOf({ pid: process.pid }))
    await removeServiceState(folder, 'kafka')
    expect(await readServiceState(folder, 'kafka')).toEqual({ kind: 'none' })
    await mkdir(join(folder, 'hdfs'))
    await writeFile(join(folder, 'hdfs', 'state.json'), '{"service":"hd')
    expect(await readServiceState(folder, 'hdfs')).toEqual({ kind: 'none' })
  })
})

describe('a service whose supervisor was killed', () => {
  const place = () => ({ folder, envPath: join(folder, '.env'), ports: stackPorts })

  it('is shown as ended, with its log and without addresses', async () => {
    await writeServiceState(folder, 'minio', stateOf(await deadProcess()))
    const status = await readServiceStatus(stackServices.minio, place())
    expect(status).toMatchObject({ condition: 'ended', isHealthy: false, pids: [], addresses: {} })
    expect(statusText([status])).toContain(join(folder, 'minio', 'service.log'))
  })

  it('is tidied away by stop, which signals nobody', async () => {
    await writeServiceState(folder, 'minio', stateOf({ pid: process.pid, bornAt: 'another:1' }))
    expect(await stopService(stackServices.minio, place())).toBe('ended')
    expect(await stopService(stackServices.minio, place())).toBe('not running')
  })
})

describe('startService', () => {
  it('leaves a service alone that runs', async () => {
    await writeServiceState(folder, 'minio', stateOf({ pid: process.pid }))
    const place = { folder, envPath: join(folder, '.env'), ports: stackPorts }
    const started = await startService(stackServices.minio, place)
    expect(started).toMatchObject({
      isNew: false,
      state: { addresses: { s3: 'http://127.0.0.1:9000' } },
    })
  })
})

describe('stackPlace', () => {
  it('moves every port by the offset', () => {
    const { ports } = stackPlace({ SLUICE_STACK_PORT_OFFSET: '1000' })
    expect(ports.kafka.broker).toBe(stackPorts.kafka.broker + 1000)
    expect(Object.values(ports.hdfs)).toEqual(
      Object.values(stackPorts.hdfs).map((port: number) => port + 1000),
    )
  })

  it('refuses an offset that is none', () => {
    expect(() => stackPlace({ SLUICE_STACK_PORT_OFFSET: 'ten' })).toThrow(RangeError)
    expect(() => stackPlace({ SLUICE_STACK_PORT_OFFSET: '-1' })).toThrow(RangeError)
  })
})
