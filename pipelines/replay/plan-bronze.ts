import type { ColumnPredicate, ScanPlan, ScanTask } from '../../tables/scan/plan-scan.ts'
import { contentKey } from '../../tables/spec/content-key.ts'
import type { Lake } from '../lake/lake.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { DAY_US, isInRange, withMargin, type DayRange } from '../lake/utc-days.ts'

/** Messages of bronze that are derived at once. */
export interface BronzeSlice {
  /** A relation with bronze's columns. */
  readonly rows: string
  readonly messageCount: number
}

/** Messages of one slice: decoding holds each of them several times over. */
const SLICE_MESSAGES = 200_000

/**
 * The files of bronze that may hold messages of a range: those whose event time lies in the range
 * or a day beside it, and those whose event time nobody could read. In which partition a message
 * lies says when it came, not when it happened.
 */
export async function planBronze(
  { options, heads }: LoopContext,
  range: DayRange,
): Promise<ScanPlan[]> {
  return Promise.all(
    options.lake.model.kinds.map((kind) =>
      planHead(options.lake, headOf(heads, `bronze.${kind}_messages`), [mayBeInReach(range)]),
    ),
  )
}

/**
 * What a row must be to take part in a range, for the planner: its event time lies in it or a day
 * beside it, or nobody could read it.
 */
export function mayBeInReach(range: DayRange): ColumnPredicate {
  const { fromDay, toDay } = withMargin(range)
  return {
    op: 'or',
    operands: [
      { column: 'event_ts', op: 'is-null' },
      {
        op: 'and',
        operands: [
          { column: 'event_ts', op: '>=', value: fromDay * DAY_US },
          { column: 'event_ts', op: '<', value: toDay * DAY_US },
        ],
      },
    ],
  }
}

/** The rows of these plans that are in reach of the range, in slices of bounded size. */
export async function sliceBronze(
  { options }: LoopContext,
  plans: readonly ScanPlan[],
  range: DayRange,
): Promise<BronzeSlice[]> {
  const slices: BronzeSlice[] = []
  for (const plan of plans) slices.push(...(await sliceRows(options.lake, plan, isInReach(range))))
  return slices
}

/** The rows of a plan that a condition keeps, in slices of bounded size. */
export async function sliceRows(
  lake: Lake,
  plan: ScanPlan,
  condition: string,
): Promise<BronzeSlice[]> {
  const slices: BronzeSlice[] = []
  for (const { tasks, messageCount, fromRow } of groupTasks(plan.tasks)) {
    const relation = await planRelation(
      lake,
      { ...plan, tasks },
      { withPosition: fromRow !== undefined },
    )
    const ofFile =
      fromRow === undefined ? '' : ` AND _pos >= ${fromRow} AND _pos < ${fromRow + SLICE_MESSAGES}`
    slices.push({ rows: `(SELECT * FROM ${relation} WHERE (${condition})${ofFile})`, messageCount })
  }
  return slices
}

/** SQL: bronze's event_ts lies in the range, a day beside it, or is unknown. */
export function isInReach(range: DayRange): string {
  return `(event_ts IS NULL OR ${isInRange('event_ts', withMargin(range))})`
}

/** A file with its deletes: a plan that has it again reads the same rows. */
export function taskKey({ file, deletes }: ScanTask): string {
  return JSON.stringify([file.filePath, ...deletes.map(contentKey).sort()])
}

interface TaskGroup {
  readonly tasks: readonly ScanTask[]
  readonly messageCount: number
  /** The first row of a large file's part; undefined: whole files. */
  readonly fromRow: number | undefined
}

function groupTasks(tasks: readonly ScanTask[]): TaskGroup[] {
  const groups: TaskGroup[] = []
  let small: ScanTask[] = []
  let messageCount = 0
  const close = () => {
    if (small.length > 0) groups.push({ tasks: small, messageCount, fromRow: undefined })
    small = []
    messageCount = 0
  }
  for (const task of tasks) {
    const { recordCount } = task.file
    if (recordCount > SLICE_MESSAGES) {
      for (let fromRow = 0; fromRow < recordCount; fromRow += SLICE_MESSAGES) {
        const rest = Math.min(SLICE_MESSAGES, recordCount - fromRow)
        groups.push({ tasks: [task], messageCount: rest, fromRow })
      }
      continue
    }
    if (messageCount + recordCount > SLICE_MESSAGES) close()
    small.push(task)
    messageCount += recordCount
  }
  close()
  return groups
}
