import type { ChildMessage } from './child-process.ts'

/** What a child can do. `hear` is called with each word of its parent. */
export interface ChildSide {
  readonly task: unknown
  readonly say: (news: unknown) => void
  readonly hear: (listener: (word: unknown) => void) => void
}

type Task = (side: ChildSide) => Promise<unknown>

/** Loaded by name, so that no task's memory holds the code of the others. */
const tasks: Readonly<Record<string, () => Promise<Task>>> = {
  loop: async () => (await import('./loop-task.ts')).runLoopTask,
  cuts: async () => (await import('./cuts-task.ts')).runCutsTask,
  'catalog-server': async () => (await import('./catalog-server-task.ts')).runCatalogServerTask,
  'plan-memory': async () => (await import('./plan-memory-task.ts')).runPlanMemoryTask,
  'query-memory': async () => (await import('./query-memory-task.ts')).runQueryMemoryTask,
  ticks: async () => (await import('./ticks-task.ts')).runTicksTask,
  'plain-ticks': async () => (await import('./plain-ticks-task.ts')).runPlainTicksTask,
}

const loadTask = tasks[process.argv[2] ?? '']
const send = (message: ChildMessage): void => void process.send?.(message)
let listener: (word: unknown) => void = () => undefined

process.on('disconnect', () => process.exit(1))
process.on('message', (message: { readonly task?: unknown; readonly word?: unknown }) => {
  if (message.task === undefined) listener(message.word)
  else void work(message.task)
})

async function work(task: unknown): Promise<void> {
  try {
    if (loadTask === undefined) throw new Error(`There is no task "${process.argv[2] ?? ''}".`)
    const run = await loadTask()
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
