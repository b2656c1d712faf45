import type { ChildMessage } from './child-process.ts'
import { runLoopTask } from './loop-task.ts'
import { runPlainTicksTask } from './plain-ticks-task.ts'
import { runTicksTask } from './ticks-task.ts'

/** What a child can do. `hear` is called with each word of its parent. */
export interface ChildSide {
  readonly task: unknown
  readonly say: (news: unknown) => void
  readonly hear: (listener: (word: unknown) => void) => void
}

const tasks: Readonly<Record<string, (side: ChildSide) => Promise<unknown>>> = {
  loop: runLoopTask,
  ticks: runTicksTask,
  'plain-ticks': runPlainTicksTask,
}

const run = tasks[process.argv[2] ?? '']
const send = (message: ChildMessage): void => void process.send?.(message)
let listener: (word: unknown) => void = () => undefined

process.on('disconnect', () => process.exit(1))
process.on('message', (message: { readonly task?: unknown; readonly word?: unknown }) => {
  if (message.task === undefined) listener(message.word)
  else void work(message.task)
})

async function work(task: unknown): Promise<void> {
  try {
    if (run === undefined) throw new Error(`There is no task "${process.argv[2] ?? ''}".`)
    const report = await run({
      task,
      say: (news) => send({ type: 'news', news }),
      hear: (heard) => (listener = heard),
    })
    send({ type: 'report', report })
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    send({ type: 'failure', message })
  } finally {
    process.removeAllListeners('disconnect')
    process.disconnect()
  }
}
