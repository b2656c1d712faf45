import { mkdir } from 'node:fs/promises'
import { readProcessBirth } from './process-birth.ts'
import { ensureStackEnv } from './stack-env.ts'
import { StackError } from './stack-error.ts'
import type { RunningService, StackService } from './stack-service.ts'
import type { StackPlace } from './stack-settings.ts'
import {
  readServiceState,
  removeServiceState,
  serviceFolder,
  writeServiceState,
  type ServiceState,
} from './stack-state.ts'
import { serviceLogPath } from './stack-log.ts'

/** What a supervisor tells the command that started it, over the channel between both. */
export type SupervisorMessage =
  { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly message: string }

const WATCH_MS = 1000

/**
 * Starts a service, notes it in its state file, and holds it: until a signal, which ends it in
 * order and takes the note away, or until one of its processes dies by itself. The note then stays,
 * so that `status` can say so. Returns the exit code of this process.
 */
export async function supervise(service: StackService, place: StackPlace): Promise<number> {
  const { promise: stopping, stop } = stopRequest()
  // The command that started this one has ended before it heard of an outcome.
  process.once('disconnect', stop)
  const folder = serviceFolder(place.folder, service.name)
  const note = (state: ServiceState) => writeServiceState(place.folder, service.name, state)
  let running: RunningService
  let isNoted = false
  try {
    const found = await readServiceState(place.folder, service.name)
    if (found.kind === 'held') {
      throw new StackError(`Another start of ${service.name} is under way or done.`)
    }
    await mkdir(folder, { recursive: true })
    const { secrets } = await ensureStackEnv(place.envPath)
    const starting = await startingState(service, place)
    await note(starting)
    isNoted = true
    const { logPath } = starting
    running = await service.start({ folder, logPath, place, secrets })
    const { addresses } = running
    await note({ ...starting, phase: 'running', pids: [...running.pids()], addresses })
  } catch (error) {
    if (isNoted) await removeServiceState(place.folder, service.name)
    await tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
    return 1
  }
  process.off('disconnect', stop)
  await tell({ kind: 'ready' })
  const how = await Promise.race([stopping, untilOneDies(running.pids())])
  await running.stop()
  if (how === 'died') {
    process.stderr.write(`${service.title} ended by itself; see ${serviceLogPath(folder)}\n`)
    return 1
  }
  await removeServiceState(place.folder, service.name)
  return 0
}

async function startingState(service: StackService, place: StackPlace): Promise<ServiceState> {
  const bornAt = await readProcessBirth(process.pid)
  return {
    service: service.name,
    title: service.title,
    phase: 'starting',
    supervisor: { pid: process.pid, ...(bornAt === undefined ? {} : { bornAt }) },
    pids: [],
    addresses: {},
    logPath: serviceLogPath(serviceFolder(place.folder, service.name)),
    startedAt: new Date().toISOString(),
  }
}

/** Resolves at a signal, or when `stop` is called. */
function stopRequest(): { readonly promise: Promise<'stopped'>; readonly stop: () => void } {
  let stop: () => void = () => undefined
  const promise = new Promise<'stopped'>((resolve) => (stop = () => resolve('stopped')))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  // A closed terminal is no reason to end.
  process.on('SIGHUP', () => undefined)
  return { promise, stop }
}

async function untilOneDies(pids: readonly number[]): Promise<'died'> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (pids.every(isRunning)) return
      clearInterval(timer)
      resolve('died')
    }, WATCH_MS)
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Tells it and gives the channel up; nothing where the other side is gone. */
async function tell(message: SupervisorMessage): Promise<void> {
  if (!hasStarter()) return
  await new Promise<void>((resolve) => process.send?.(message, () => resolve()))
  if (hasStarter()) process.disconnect()
}

function hasStarter(): boolean {
  return process.send !== undefined && process.connected
}
