import { setTimeout as delay } from 'node:timers/promises'
import type { StackService } from './stack-service.ts'
import type { StackPlace } from './stack-settings.ts'
import { isSameProcess, readServiceState, removeServiceState } from './stack-state.ts'

/** `ended`: it had died before; its note is taken away. */
export type StopOutcome = 'stopped' | 'killed' | 'ended' | 'not running'

const POLL_MS = 100
/** Longer than a service is given to end in order. */
const STOP_MS_MAX = 60_000

/** Ends a service in order and resolves once it is gone; its data stay. */
export async function stopService(
  service: StackService,
  { folder }: StackPlace,
): Promise<StopOutcome> {
  const found = await readServiceState(folder, service.name)
  if (found.kind === 'none') return 'not running'
  const { supervisor } = found.state
  if (found.kind === 'stale') {
    await removeServiceState(folder, service.name)
    return 'ended'
  }
  process.kill(supervisor.pid, 'SIGTERM')
  for (let waitedMs = 0; waitedMs < STOP_MS_MAX; waitedMs += POLL_MS) {
    if (!(await isSameProcess(supervisor))) return 'stopped'
    await delay(POLL_MS)
  }
  // Its programs die with it: they watch a pipe to it.
  process.kill(supervisor.pid, 'SIGKILL')
  await removeServiceState(folder, service.name)
  return 'killed'
}
