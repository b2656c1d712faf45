import { createInterface } from 'node:readline'
import { lastLines } from './run-command.ts'
import type { GuardedProcess } from './spawn-guarded.ts'

export interface ReadySign {
  /** The service's name, for messages. */
  readonly name: string
  /** Part of the line that the service logs once it takes requests. */
  readonly ready: string
  readonly timeoutMs: number
}

const KEPT_LINES = 60

/**
 * Resolves once a service has logged that it is ready. Throws, with its last lines, where it ends
 * or the time is up before. Its output is read for as long as it runs: a full pipe would stop it.
 */
export async function untilLogged(child: GuardedProcess, sign: ReadySign): Promise<void> {
  const lines: string[] = []
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(timer)
      reject(new Error(`${sign.name} ${what}:\n${lastLines(lines.join('\n'), KEPT_LINES)}`))
    }
    const timer = setTimeout(() => fail(`was not ready in ${sign.timeoutMs} ms`), sign.timeoutMs)
    const onLine = (line: string): void => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      if (!line.includes(sign.ready)) return
      clearTimeout(timer)
      resolve()
    }
    createInterface({ input: child.stdout }).on('line', onLine)
    createInterface({ input: child.stderr }).on('line', onLine)
    child.once('error', (error) => fail(error.message))
    child.once('close', (code) => fail(`ended with code ${code} before it was ready`))
  })
}
