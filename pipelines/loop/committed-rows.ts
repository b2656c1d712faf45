import { planHead, planRelation, headOf, type LoopContext } from './loop-context.ts'
import type { SilverLookup } from './decide-duplicates.ts'
import type { GoldLookup } from './gold-tail.ts'
import { ownColumns } from './own-columns.ts'
import { isTailFile } from './restore-loop.ts'
import { silverTable } from './write-cut-files.ts'

/** Reads silver at the heads of the context: the columns that it was declared with. */
export function silverLookup(context: LoopContext): SilverLookup {
  const { lake } = context.options
  return async (kind, { fromUs, untilUs }) => {
    const table = silverTable(kind)
    const head = headOf(context.heads, table)
    const plan = await planHead(lake, head, [
      { column: 'event_ts', op: '>=', value: fromUs },
      { column: 'event_ts', op: '<=', value: untilUs },
    ])
    const rows = await planRelation(lake, plan)
    const range = `epoch_us(event_ts) BETWEEN ${fromUs} AND ${untilUs}`
    return `(SELECT ${ownColumns(lake, table)} FROM ${rows} WHERE ${range})`
  }
}

/** Reads windows in sealed files, at the heads of the context. */
export function goldLookup(context: LoopContext): GoldLookup {
  const { lake } = context.options
  return async (gold, { step, fromUs, untilUs }) => {
    const plan = await planHead(lake, headOf(context.heads, gold.name), [
      { column: 'step', op: '=', value: step },
      { column: 'open_ts', op: '>=', value: fromUs },
      { column: 'open_ts', op: '<=', value: untilUs },
    ])
    const tasks = plan.tasks.filter((task) => !isTailFile(task.file.filePath))
    if (tasks.length === 0) return undefined
    const rows = await planRelation(lake, { ...plan, tasks }, { withPosition: true })
    return { rows, files: new Map(tasks.map(({ file }) => [file.filePath, file])) }
  }
}
