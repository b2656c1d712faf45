import type { StackService } from './stack-service.ts'
import type { StackPlace } from './stack-settings.ts'
import { readServiceState } from './stack-state.ts'

/** `ended`: it ended by itself, or with its supervisor, and nobody has stopped it. */
export type ServiceCondition = 'running' | 'starting' | 'stopped' | 'ended'

/** What can be said of a service from outside. */
export interface ServiceStatus {
  readonly service: string
  readonly title: string
  readonly isInstalled: boolean
  readonly condition: ServiceCondition
  /** It runs, and answers as it should. */
  readonly isHealthy: boolean
  readonly supervisorPid?: number
  readonly pids: readonly number[]
  readonly addresses: Readonly<Record<string, string>>
  readonly logPath?: string
  readonly startedAt?: string
}

/** Reads what is noted of a service, and asks the service itself. */
export async function readServiceStatus(
  service: StackService,
  place: StackPlace,
): Promise<ServiceStatus> {
  const found = await readServiceState(place.folder, service.name)
  const common = { service: service.name, isInstalled: service.isInstalled() }
  if (found.kind === 'none') {
    const { title } = service
    const condition = 'stopped'
    return { ...common, title, condition, isHealthy: false, pids: [], addresses: {} }
  }
  const { title, logPath, startedAt, phase, pids, addresses, supervisor } = found.state
  if (found.kind === 'stale') {
    const gone = { condition: 'ended', isHealthy: false, pids: [], addresses: {} } as const
    return { ...common, ...gone, title, logPath, startedAt }
  }
  return {
    ...common,
    title,
    condition: phase,
    isHealthy: phase === 'running' && (await service.isHealthy(place.ports)),
    supervisorPid: supervisor.pid,
    pids,
    addresses,
    logPath,
    startedAt,
  }
}

/** A table for people: one line a service, and its log where it ended by itself. */
export function statusText(statuses: readonly ServiceStatus[]): string {
  const rows = statuses.map((status) => [
    status.service,
    conditionText(status),
    status.pids.join(' '),
    Object.entries(status.addresses)
      .map(([name, address]) => `${name} ${address}`)
      .join(', '),
  ])
  const table = [['service', 'condition', 'pids', 'addresses'], ...rows]
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const ended = statuses
    .filter(({ condition }) => condition === 'ended')
    .map(({ service, logPath }) => `${service} ended by itself: ${logPath ?? ''}`)
  return [...lines, ...ended].map((line) => `${line}\n`).join('')
}

function conditionText({ condition, isHealthy, isInstalled }: ServiceStatus): string {
  if (condition === 'running') return isHealthy ? 'running' : 'running, but does not answer'
  if (condition === 'stopped' && !isInstalled) return 'not installed'
  return condition
}
