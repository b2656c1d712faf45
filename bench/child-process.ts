import { fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * A piece of work in a process of its own, so that CPU time and memory are its alone.
 * `Report` is what it ends with, `News` what it says on the way.
 */
export interface ChildWork<News, Report> {
  /** Resolves with the next thing it says, in order; rejects where it ended without. */
  nextNews(): Promise<News>
  /** Tells it something; what, is between it and its caller. */
  tell(word: unknown): void
  readonly report: Promise<Report>
}

/** What travels to and from the child. */
export type ChildMessage =
  | { readonly type: 'news'; readonly news: unknown }
  | { readonly type: 'report'; readonly report: unknown }
  | { readonly type: 'failure'; readonly message: string }

/** Starts `bench/child.ts` on a task. The child dies with this process. */
export function startChild<News, Report>(name: string, task: unknown): ChildWork<News, Report> {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), [name], {
    execArgv: ['--import', pathToFileURL(tsx).href],
    // Ids and positions are bigint, which JSON cannot carry.
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const news: News[] = []
  let wake: () => void = () => undefined
  let hasEnded = false
  const report = new Promise<Report>((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'news') news.push(message.news as News)
      else if (message.type === 'report') resolve(message.report as Report)
      else reject(new Error(`The ${name} process failed. ${message.message}`))
      wake()
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      hasEnded = true
      reject(new Error(`The ${name} process ended early (${signal ?? `code ${code ?? '?'}`}).`))
      wake()
    })
  })
  // Its owner awaits it in the end; a failure before that must not count as unhandled.
  report.catch(() => undefined)
  child.send({ task })
  return {
    report,
    tell: (word) => void child.send({ word }),
    nextNews: async () => {
      for (;;) {
        const first = news.shift()
        if (first !== undefined) return first
        if (hasEnded) {
          await report
          throw new Error(`The ${name} process said nothing more.`)
        }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}
