import type { StackSecrets } from './stack-env.ts'
import type { StackPlace, StackPorts, StackServiceName } from './stack-settings.ts'

/** Where and as whom a service is started. */
export interface ServicePlace {
  /** Its own folder: what it writes there stays. */
  readonly folder: string
  readonly logPath: string
  readonly place: StackPlace
  readonly secrets: StackSecrets
}

/** A service that runs, as its supervisor holds it. */
export interface RunningService {
  /** What it is reached by, by name: `{ brokers: '127.0.0.1:9092' }`. */
  readonly addresses: Readonly<Record<string, string>>
  /** Its processes now. */
  pids(): readonly number[]
  stop(): Promise<void>
}

/** A service of the stack, from the modules that tests start theirs by. */
export interface StackService {
  readonly name: StackServiceName
  /** With its version. */
  readonly title: string
  /** What its installation takes, in words. */
  readonly download: string
  readonly isInstalled: () => boolean
  /** Throws ServiceMissing where it cannot be had, with the way out. */
  readonly install: () => Promise<unknown>
  readonly portsOf: (ports: StackPorts) => readonly number[]
  readonly start: (where: ServicePlace) => Promise<RunningService>
  /** Whether it answers as it should, asked from outside. */
  readonly isHealthy: (ports: StackPorts) => Promise<boolean>
}
