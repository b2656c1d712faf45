import type { LoopContext } from './loop-context.ts'

export function maintainLake(context: LoopContext): Promise<LoopContext> {
  return Promise.resolve(context)
}
