import { contentKey } from '../spec/content-key.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'

/** Two snapshots of a table by their files: what one of them has and the other has not. */
export interface PlanDifference {
  /** Files of the older one, with its deletes. */
  readonly gone: ScanPlan
  /** Files of the younger one, with its deletes. */
  readonly come: ScanPlan
}

/**
 * The files in which two snapshots of a table can differ: a file counts as another one where its
 * deletes are others. Rows of `come` that are not in `gone` are those that came, whatever files
 * compaction or another engine wrote anew in between.
 */
export function comparePlans(before: ScanPlan, after: ScanPlan): PlanDifference {
  return { gone: without(before, after), come: without(after, before) }
}

/** Names of the columns of both snapshots: a column that was added says nothing of old rows. */
export function sharedColumns(before: ScanPlan, after: ScanPlan): readonly string[] {
  const known = new Set(before.schema.fields.map(({ name }) => name))
  return after.schema.fields.flatMap(({ name }) => (known.has(name) ? [name] : []))
}

function without(plan: ScanPlan, other: ScanPlan): ScanPlan {
  const known = new Set(other.tasks.map(taskKey))
  return { ...plan, tasks: plan.tasks.filter((task) => !known.has(taskKey(task))) }
}

function taskKey({ file, deletes }: ScanTask): string {
  return JSON.stringify([file.filePath, ...deletes.map(contentKey).sort()])
}
