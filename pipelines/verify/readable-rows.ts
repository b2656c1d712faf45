import type { ColumnPredicate, ScanPlan } from '../../tables/scan/plan-scan.ts'
import { planHead, planRelation } from '../loop/loop-context.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { PinnedLake } from './pin-lake.ts'

/**
 * What can be read of a table at the pinned cut, without the files that are broken; undefined where
 * it has to be left out altogether.
 */
export async function planReadable(
  { lake, tables }: PinnedLake,
  broken: BrokenFiles,
  name: string,
  filter: readonly ColumnPredicate[] = [],
): Promise<ScanPlan | undefined> {
  const table = tables.get(name)
  if (table === undefined || broken.tables.has(name)) return undefined
  const plan = await planHead(lake, table.pinned, filter)
  const isBroken = (location: string): boolean => broken.locations.has(location)
  const tasks = plan.tasks.filter(
    ({ file, deletes }) =>
      !isBroken(file.filePath) && !deletes.some(({ filePath }) => isBroken(filePath)),
  )
  return { ...plan, tasks }
}

/** The same as a relation in brackets. */
export async function readableRows(
  pinned: PinnedLake,
  broken: BrokenFiles,
  name: string,
  options: { readonly filter?: readonly ColumnPredicate[]; readonly withPosition?: boolean } = {},
): Promise<string | undefined> {
  const plan = await planReadable(pinned, broken, name, options.filter)
  if (plan === undefined) return undefined
  return planRelation(pinned.lake, plan, { withPosition: options.withPosition ?? false })
}
