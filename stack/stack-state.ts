import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { StackServiceName } from './stack-settings.ts'
import { readProcessBirth } from './process-birth.ts'

const schema = z.object({
  service: z.string(),
  /** `MinIO v0…`. */
  title: z.string(),
  phase: z.enum(['starting', 'running']),
  /** The process that holds the service: when it ends, the service does. */
  supervisor: z.object({ pid: z.int().positive(), bornAt: z.string().optional() }),
  pids: z.array(z.int().positive()),
  /** What it is reached by, by name. */
  addresses: z.record(z.string(), z.string()),
  logPath: z.string(),
  startedAt: z.string(),
})

/** What a supervisor notes of its service for other processes. Holds no secret. */
export type ServiceState = Readonly<z.infer<typeof schema>>

/** Folder of one service: its data, its log and its state file. */
export function serviceFolder(stackFolder: string, service: StackServiceName): string {
  return join(stackFolder, service)
}

function statePath(stackFolder: string, service: StackServiceName): string {
  return join(serviceFolder(stackFolder, service), 'state.json')
}

/** Notes it as a whole: a reader sees the former state or this one. */
export async function writeServiceState(
  stackFolder: string,
  service: StackServiceName,
  state: ServiceState,
): Promise<void> {
  const path = statePath(stackFolder, service)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`)
  await rename(`${path}.new`, path)
}

export async function removeServiceState(
  stackFolder: string,
  service: StackServiceName,
): Promise<void> {
  await rm(statePath(stackFolder, service), { force: true })
}

/** `stale`: the supervisor that wrote it has died, and its service with it. */
export type FoundState =
  { readonly kind: 'none' } | { readonly kind: 'held' | 'stale'; readonly state: ServiceState }

/** What is noted of a service. A file that cannot be read counts as none. */
export async function readServiceState(
  stackFolder: string,
  service: StackServiceName,
): Promise<FoundState> {
  let text: string
  try {
    text = await readFile(statePath(stackFolder, service), 'utf8')
  } catch {
    return { kind: 'none' }
  }
  const read = schema.safeParse(parseOrUndefined(text))
  if (!read.success) return { kind: 'none' }
  const state = read.data
  return { kind: (await isSameProcess(state.supervisor)) ? 'held' : 'stale', state }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether that very process runs: a pid alone is given away again. */
export async function isSameProcess(identity: ServiceState['supervisor']): Promise<boolean> {
  try {
    process.kill(identity.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (identity.bornAt === undefined) return true
  return (await readProcessBirth(identity.pid)) === identity.bornAt
}
