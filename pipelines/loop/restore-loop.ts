import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import { createBatchTables } from './derive-batch.ts'
import { referencedFileOf } from '../../tables/commit/validate-change.ts'
import { contentKey } from '../../tables/spec/content-key.ts'
import { committedCut } from '../../tables/spec/cut-history.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { createDedupeMemory, IDENTITY_REACH_US, reloadDedupeMemory } from './dedupe-memory.ts'
import type { DedupeMemory } from './dedupe-memory.ts'
import { findForeignDays } from './find-foreign-days.ts'
import { createGapLedger } from './gap-ledger.ts'
import { loadTail, TAIL_FILE_PREFIX, type GoldTail } from './gold-tail.ts'
import {
  headOf,
  loadHeads,
  loopDefaults,
  planHead,
  planRelation,
  type LoopContext,
  type LoopOptions,
} from './loop-context.ts'
import { setTakenRanges } from './leave-out.ts'
import { readReplacedSources, TAKE_OVERS_TABLE } from './replaced-sources.ts'
import { decodePositions, EMPTY_LOOP_STATE, POSITIONS_PROPERTY } from './loop-state.ts'
import type { LoopState } from './loop-state.ts'
import { readPositionsFromRows } from './read-positions.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { createCutRowsTable } from './cut-rows.ts'
import { createFramedTable } from './frame-batch.ts'
import { createInstrumentsTable } from './instruments.ts'
import { setLoopTimes } from './loop-times.ts'
import { createStepSession, type StepSession } from './step-session.ts'

/**
 * Everything that the loop needs to go on where the lake stands: positions and watermark from
 * sluice.cuts, the tail and the duplicate memory from gold and silver.
 */
export async function restoreLoop(options: LoopOptions, connection: Session): Promise<LoopContext> {
  const session = createStepSession(connection, options.lake.model)
  const heads = await loadHeads(options.lake)
  const state = await readLoopState(options.lake, session, headOf(heads, 'sluice.cuts'))
  await createInstrumentsTable(session, options.instruments ?? [])
  await createFramedTable(session)
  await createCutRowsTable(session)
  await createBatchTables(session)
  if (options.takenRanges !== undefined) await setTakenRanges(session, options.takenRanges)
  const { cutNumber, watermarkUs } = state
  const times = { cutNumber: cutNumber + 1, beforeUs: watermarkUs, afterUs: watermarkUs }
  await setLoopTimes(session, times)
  const takeOvers = headOf(heads, TAKE_OVERS_TABLE)
  const replacedCount = await readReplacedSources(options.lake, session, takeOvers)
  const memories: DedupeMemory[] = []
  for (const kind of session.model.kinds) {
    const silver = headOf(heads, `silver.${kind}s`)
    memories.push(await restoreMemory(options, session, kind, silver, state))
  }
  const foreignDaysOf = (table: string, column: string) =>
    findForeignDays(options.lake, session, headOf(heads, table), column)
  const daysOf = new Map<string, readonly bigint[]>()
  for (const kind of session.model.kinds)
    daysOf.set(kind, await foreignDaysOf(`silver.${kind}s`, 'event_ts'))
  const gapDays = await foreignDaysOf('silver.gaps', 'from_ts')
  const isForeign = gapDays.length + (daysOf.get('trade')?.length ?? 0) > 0
  const gaps = await createGapLedger(options.lake, session, headOf(heads, 'silver.gaps'), isForeign)
  const tails: GoldTail[] = []
  for (const gold of session.model.goldTables) {
    const silverDays = gold.inputs.flatMap(({ kind }) => daysOf.get(kind) ?? [])
    const restored = { state, silverDays }
    tails.push(await restoreTail(options, session, gold, headOf(heads, gold.name), restored))
  }
  return { options, session, heads, state, memories, tails, gaps, replacedCount }
}

/** Positions and watermark as the newest cut left them. */
export async function readLoopState(
  lake: Lake,
  session: Session,
  cuts: LoadedTable,
): Promise<LoopState> {
  const cutNumber = committedCut(cuts.metadata)?.cutNumber ?? 0
  if (cutNumber === 0) return EMPTY_LOOP_STATE
  const cached = cuts.metadata.properties[POSITIONS_PROPERTY]
  const state = cached === undefined ? undefined : decodePositions(cached, cutNumber)
  return state ?? readPositionsFromRows(lake, session, cuts, cutNumber)
}

async function restoreMemory(
  options: LoopOptions,
  session: Session,
  kind: DedupeMemory['kind'],
  silver: LoadedTable,
  state: LoopState,
): Promise<DedupeMemory> {
  const maxRows = options.dedupeMemoryRows ?? loopDefaults.dedupeMemoryRows
  if (silver.metadata['current-snapshot-id'] === undefined) {
    return createDedupeMemory(session, kind, maxRows)
  }
  const fromUs = state.watermarkUs === undefined ? 0n : state.watermarkUs - 2n * IDENTITY_REACH_US
  const plan = await planHead(options.lake, silver, [
    { column: 'event_ts', op: '>', value: fromUs },
  ])
  const rows = await planRelation(options.lake, plan)
  const recent = `(SELECT * FROM ${rows} WHERE epoch_us(event_ts) > ${fromUs})`
  return reloadDedupeMemory(session, kind, recent, fromUs, maxRows)
}

/**
 * The tail's own files, and open windows in any other file: another engine wrote the tail anew.
 * Their rows go where they belong with the next cut, else nothing would ever seal them.
 */
async function restoreTail(
  options: LoopOptions,
  session: StepSession,
  gold: GoldTable,
  head: LoadedTable,
  restored: { readonly state: LoopState; readonly silverDays: readonly bigint[] },
): Promise<GoldTail> {
  const { lake } = options
  const plan = await planHead(lake, head, [])
  const tasks = plan.tasks.filter((task) => isTailFile(task.file.filePath))
  const rows = tasks.length === 0 ? undefined : await planRelation(lake, { ...plan, tasks })
  const open = await planHead(lake, head, [{ column: 'is_sealed', op: '=', value: false }])
  const others = open.tasks.filter((task) => !isTailFile(task.file.filePath))
  const strayPlan = { ...open, tasks: others }
  const strays =
    others.length === 0 ? undefined : await planRelation(lake, strayPlan, { withPosition: true })
  const goldDays = await findForeignDays(lake, session, head, 'open_ts')
  const days = new Set([...restored.silverDays, ...goldDays])
  const committed = {
    rows,
    files: tasks.map((task) => task.file.filePath),
    deleteKeys: tasks.flatMap(({ file, deletes }) =>
      deletes.filter((one) => referencedFileOf(one) === file.filePath).map(contentKey),
    ),
    strayRows: strays === undefined ? undefined : `(SELECT * FROM ${strays} WHERE NOT is_sealed)`,
    strayFiles: new Map(others.map(({ file }) => [file.filePath, file])),
    foreignDays: [...days].sort((a, b) => Number(a - b)),
  }
  return loadTail(session, gold, committed, restored.state.watermarkUs)
}

/** Whether a location is a tail file's. */
export function isTailFile(location: string): boolean {
  return location.slice(location.lastIndexOf('/') + 1).startsWith(TAIL_FILE_PREFIX)
}
