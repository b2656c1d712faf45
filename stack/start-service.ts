import { fork, type ChildProcess } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { checkPorts } from './check-ports.ts'
import { StackError } from './stack-error.ts'
import { supervisorLogPath, turnLogs } from './stack-log.ts'
import type { StackService } from './stack-service.ts'
import type { StackPlace } from './stack-settings.ts'
import { readServiceState, removeServiceState, serviceFolder } from './stack-state.ts'
import type { ServiceState } from './stack-state.ts'
import type { SupervisorMessage } from './supervise.ts'

export interface StartedService {
  /** False where it ran already. */
  readonly isNew: boolean
  /** The note of one that died without being stopped was found, and taken away. */
  readonly wasStale: boolean
  readonly state: ServiceState
}

const SUPERVISOR = fileURLToPath(new URL('supervise-main.ts', import.meta.url))

/**
 * Starts a service under a supervisor of its own that outlives this process, and resolves once it
 * takes requests. One that runs is left as it is.
 * @throws StackError where a port is taken, it is being started by somebody else, or it fails.
 */
export async function startService(
  service: StackService,
  place: StackPlace,
): Promise<StartedService> {
  const found = await readServiceState(place.folder, service.name)
  if (found.kind === 'held') {
    if (found.state.phase === 'running') {
      return { isNew: false, wasStale: false, state: found.state }
    }
    throw new StackError(
      `${service.title} is being started by process ${found.state.supervisor.pid}. Nothing more ` +
        'was done; look at `npm run stack -- status` in a moment.',
    )
  }
  if (found.kind === 'stale') await removeServiceState(place.folder, service.name)
  await checkPorts(service.title, service.portsOf(place.ports))
  await launch(service, place)
  const now = await readServiceState(place.folder, service.name)
  if (now.kind === 'none') {
    throw new StackError(`${service.title} was stopped by somebody else as soon as it ran.`)
  }
  return { isNew: true, wasStale: found.kind === 'stale', state: now.state }
}

async function launch(service: StackService, place: StackPlace): Promise<void> {
  const folder = serviceFolder(place.folder, service.name)
  // The lake's rows and the topics' messages lie there in the clear.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await turnLogs(folder)
  const log = await open(supervisorLogPath(folder), 'a')
  try {
    const child = fork(SUPERVISOR, [service.name], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      detached: true,
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    })
    const message = await outcomeOf(child)
    child.unref()
    if (message.kind === 'ready') return
    throw new StackError(
      `${service.title} did not start. Its logs are in ${folder}:\n${message.message}`,
    )
  } finally {
    await log.close()
  }
}

async function outcomeOf(child: ChildProcess): Promise<SupervisorMessage> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as SupervisorMessage))
    child.once('error', (error) => resolve({ kind: 'failed', message: error.message }))
    child.once('exit', (code) =>
      resolve({ kind: 'failed', message: `its supervisor ended with code ${code}` }),
    )
  })
}
