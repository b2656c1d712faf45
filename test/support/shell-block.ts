import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ShellBlock {
  /** Everything on stdout and stderr up to now. */
  output(): string
  /** The first match in the output, now or later; rejects where the shell ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  /** What Ctrl-C in a terminal does: SIGINT to every process of it. Resolves at the end. */
  interrupt(): Promise<number | null>
  readonly ended: Promise<number | null>
}

/**
 * The shell is the leader of a group of processes of its own. A watcher in it reads a pipe from
 * this process: however this process ends, the group ends with it.
 */
const GROUP =
  'exec 3<&0; ( exec >/dev/null 2>&1; cat <&3; kill -KILL 0 ) & exec sh -e -c "trap : INT; $1" </dev/null 3<&-'

/** Runs lines of a shell as a person types them. The first that fails ends them. */
export function startShellBlock(
  text: string,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): ShellBlock {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'))
  const child = spawn('/bin/sh', ['-c', GROUP, 'sh', text], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env },
    stdio: 'pipe',
    detached: true,
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const listener of listeners) listener()
    })
  }
  child.stdin.on('error', () => undefined)
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  void exited.then(() => child.stdin.end())
  const ended = once(child, 'close').then(() => exited)
  return {
    output: () => output,
    ended,
    interrupt: () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT')
      return ended
    },
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output)
          if (match === null) return
          listeners.delete(look)
          resolve(match)
        }
        void ended.then(() => {
          look()
          reject(new Error(`ended without ${pattern}:\n${output}`))
        })
        listeners.add(look)
        look()
      }),
  }
}
