import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import type {} from './built-sluice.ts'
import { repositoryRoot } from './data.ts'
import { spawnGuarded, type GuardedProcess } from '../../stack/spawn-guarded.ts'

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a child, without what the developer's own shell says about lakes. */
function childEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'))
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...extra }
}

/** Runs a command line in the checkout to its end. */
export async function runInCheckout(
  command: string,
  args: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const env = childEnvironment(options.env ?? {})
  const child = spawn(command, args, { cwd: repositoryRoot, env, stdio: 'pipe' })
  child.stdin.end(options.stdin ?? '')
  const ended = once(child, 'close') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ])
  return { code, stdout, stderr }
}

/** The command line as it starts in a checkout: from its sources. */
export const checkoutBin = 'bin/sluice.mjs'

/** The command line, built where the project of the suite has it built, else the checkout's. */
const sluiceBin = (): string => inject('builtSluice') ?? checkoutBin

/** As `ENGINE_BESIDE_OTHERS`; suites that want the engine as users have it say so. */
const besideOthers = { SLUICE_ENGINE_THREADS: '1' }
export const engineOfUsers = { SLUICE_ENGINE_THREADS: '' }

/** Runs `sluice ARGS` to its end, in the folder of the checkout. */
export function runSluice(
  args: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const env = { ...besideOthers, ...options.env }
  return runInCheckout(process.execPath, [sluiceBin(), ...args], { ...options, env })
}

export interface RunningSluice {
  readonly pid: number
  /** Everything on stdout and stderr up to now. */
  output(): string
  /** The first match in the output, now or later; rejects where the process ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code, once it ended by itself; null where a signal ended it. */
  readonly ended: Promise<number | null>
  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts `sluice ARGS`; it dies with the test run. */
export function startSluice(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  bin: string = sluiceBin(),
): RunningSluice {
  const child = spawnGuarded(process.execPath, [bin, ...args], {
    cwd: repositoryRoot,
    env: { NO_COLOR: '1', ...besideOthers, ...env },
  })
  let output = ''
  const listeners = new Set<() => void>()
  const onData = (chunk: Buffer): void => {
    output += chunk.toString()
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', onData)
  child.stderr.on('data', onData)
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    pid: child.pid ?? 0,
    output: () => output,
    ended,
    waitFor: (pattern) => waitForMatch(child, () => output, listeners, pattern),
    stop: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}

function waitForMatch(
  child: GuardedProcess,
  output: () => string,
  listeners: Set<() => void>,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const match = pattern.exec(output())
      if (match === null) return
      listeners.delete(look)
      resolve(match)
    }
    child.once('close', () => {
      look()
      reject(new Error(`ended without ${pattern}:\n${output()}`))
    })
    listeners.add(look)
    look()
  })
}
