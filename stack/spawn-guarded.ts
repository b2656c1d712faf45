import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import type { Readable, Writable } from 'node:stream'

export type GuardedProcess = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * The shell becomes the program (`exec`, so the pid is the program's own) and leaves a watcher
 * behind that reads a pipe from this process. However this process ends, SIGKILL included, the
 * pipe closes and the watcher kills the program: no service outlives the test run that started it.
 */
const GUARD =
  'exec 3<&0; ( exec >/dev/null 2>&1; cat <&3; kill -KILL $$ ) & exec "$@" </dev/null 3<&-'

export interface GuardedOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** A file that its output is added to, beside being readable here. */
  readonly logPath?: string | undefined
}

/** Starts a long-running program that dies with this process. Its output must be read. */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions = {},
): GuardedProcess {
  const child = spawn('/bin/sh', ['-c', GUARD, 'sh', command, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  if (options.logPath !== undefined) {
    const log = createWriteStream(options.logPath, { flags: 'a' })
    // Two sources: the first one that ends must not close the file to the other.
    for (const output of [child.stdout, child.stderr]) output.pipe(log, { end: false })
    child.once('close', () => log.end())
  }
  child.stdin.on('error', () => undefined)
  child.once('exit', () => child.stdin.end())
  return child
}

/** SIGTERM, then SIGKILL after `graceMs`. Resolves once the process has ended. */
export async function stopGuarded(child: GuardedProcess, graceMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}
