import { createInterface } from 'node:readline'
import { lastLines } from './run-command.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'

/** A Java process of HDFS. It dies with this process. */
export interface HdfsDaemon {
  readonly pid: number
  /** The work's result; throws, with the last lines that it logged, where it ends or fails first. */
  whileRunning(work: (signal: AbortSignal) => Promise<void>): Promise<void>
  /** SIGTERM. */
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
}

const KEPT_LINES = 60

/** Starts a daemon, which is not yet ready then. `name` is for messages, `logPath` gets its log. */
export function startHdfsDaemon(
  java: string,
  args: readonly string[],
  { name, logPath }: { readonly name: string; readonly logPath?: string | undefined },
): HdfsDaemon {
  const child = spawnGuarded(java, args, { logPath })
  const lines: string[] = []
  const keep = (line: string): void => {
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
  }
  // Read for as long as it runs: a full pipe would stop it.
  createInterface({ input: child.stdout }).on('line', keep)
  createInterface({ input: child.stderr }).on('line', keep)
  const failure = (what: string, cause?: unknown): Error =>
    new Error(`${name} ${what}:\n${lastLines(lines.join('\n'), KEPT_LINES)}`, { cause })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started (${error.message})`))
    child.once('close', (code) => resolve(`ended with code ${code}`))
  })
  return {
    pid: child.pid ?? 0,
    whileRunning: async (work) => {
      const aborter = new AbortController()
      const working = work(aborter.signal).catch((error: unknown) => {
        throw failure(String(error), error)
      })
      const dying = ended.then((how) => {
        throw failure(`${how} before it was ready`)
      })
      try {
        await Promise.race([working, dying])
      } finally {
        aborter.abort()
        // The one that lost the race ends without anyone looking at it.
        working.catch(() => undefined)
        dying.catch(() => undefined)
      }
    },
    stop: () => stopGuarded(child),
    kill: () => stopGuarded(child, 0),
  }
}
