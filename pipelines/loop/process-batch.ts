import { commitCut } from '../../tables/commit/commit-cut.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { ManifestReader } from '../../tables/commit/snapshot-manifests.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import type { WriteContext } from '../../tables/write/write-context.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import type { MicroBatch } from '../sources/source.ts'
import type { CutReceipt } from './cut-receipt.ts'
import { cutRowsSql, hasMoved } from './cut-rows.ts'
import { decideDuplicates, type SilverLookup } from './decide-duplicates.ts'
import { rememberAccepted, type DedupeMemory } from './dedupe-memory.ts'
import { deriveBatch, type BatchKinds } from './derive-batch.ts'
import { frameBatch } from './frame-batch.ts'
import { adoptTail, mergeIntoTail, type GoldLookup, type TailChange } from './gold-tail.ts'
import { headOf, loopDefaults, planHead, planRelation, type LoopContext } from './loop-context.ts'
import {
  advanceParts,
  encodePositions,
  nextIngestedUs,
  openParts,
  POSITIONS_PROPERTY,
  type LoopState,
} from './loop-state.ts'
import { commitContext } from './commit-context.ts'
import { setLoopTimes } from './loop-times.ts'
import { countParts, observeParts, receivedQuantiles, totalCounts } from './observe-batch.ts'
import { ownColumns, withAddedColumns } from './own-columns.ts'
import { isTailFile } from './restore-loop.ts'
import { watermarkAfter } from './watermark.ts'
import { silverTable, tailFilesOf, writeAppends, writeGoldChange } from './write-cut-files.ts'

const CUTS = 'sluice.cuts'

export interface ProcessedBatch {
  readonly context: LoopContext
  readonly receipt: CutReceipt
  /** The tables that took part in the cut. */
  readonly tables: readonly LoadedTable[]
  /** Files of attempts that did not land. */
  readonly abandonedPaths: readonly string[]
}

interface CutPlan {
  readonly after: LoopState
  readonly changes: readonly TableChange[]
  readonly tailChanges: readonly TailChange[]
  readonly parts: LoopState['parts']
  readonly present: BatchKinds
}

/**
 * One micro-batch into one cut: derive, merge, write, commit. Answers with the context to go on
 * from. Where it throws, nothing of the batch is committed (but `commit-state-unknown`, which a
 * restart settles), and the context must be restored before the next try.
 */
export async function processBatch(
  context: LoopContext,
  batch: MicroBatch,
): Promise<ProcessedBatch> {
  const { lake } = context.options
  const clockMs = () => Number(lake.clock.nowUs() / 1000n)
  const startedMs = clockMs()
  const ingestedUs = nextIngestedUs(context.state, lake.clock.nowUs())
  const present = await deriveRows(context, batch, ingestedUs)
  const { after, parts } = await advance(context, batch, ingestedUs)
  const counts = await countParts(context.session)
  const total = totalCounts(counts.values())
  const derivedMs = clockMs()
  const sources = new Set(batch.progress.filter(hasMoved).map(({ part }) => part.source))
  const facts = { present, counts: total, sourceCount: sources.size }
  const plan = { after, parts, present, ...(await writeFiles(context, after, facts)) }
  const writtenMs = clockMs()
  const quantiles = await receivedQuantiles(context.session)
  const committed = await commit(context, batch, plan, counts, total)
  const next = await goOn(context, plan, committed.tables)
  const committedMs = clockMs()
  const receipt: CutReceipt = {
    ...total,
    cutNumber: plan.after.cutNumber,
    committedUs: lake.clock.nowUs(),
    watermarkUs: plan.after.watermarkUs,
    rowsByTable: rowsByTable(plan.changes),
    receivedUsQuantiles: quantiles,
    timings: {
      derive: derivedMs - startedMs,
      write: writtenMs - derivedMs,
      commit: committedMs - writtenMs,
      total: committedMs - startedMs,
    },
  }
  const { abandonedPaths } = committed
  return { context: next, receipt, tables: [...committed.tables.values()], abandonedPaths }
}

/** From bytes to `verdict_<kind>`: typed rows, each accepted, a duplicate, or in conflict. */
async function deriveRows(
  context: LoopContext,
  batch: MicroBatch,
  ingestedUs: bigint,
): Promise<BatchKinds> {
  const { session } = context
  await frameBatch(session, batch, ingestedUs)
  const formatNames = new Set(batch.segments.map((segment) => segment.format))
  const present = await deriveBatch(session, [...formatNames])
  for (const memory of context.memories) {
    if (!present.decoded.has(memory.kind)) continue
    await decideDuplicates(session, memory, silverLookup(context))
  }
  return present
}

/** Positions and watermark after the batch; both watermarks go into the engine. */
async function advance(
  context: LoopContext,
  batch: MicroBatch,
  ingestedUs: bigint,
): Promise<Pick<CutPlan, 'after' | 'parts'>> {
  const { session, options, state } = context
  const parts = advanceParts(state.parts, batch.progress, await observeParts(session))
  const watermarkUs = watermarkAfter(state.watermarkUs, parts.values(), {
    allowedLatenessUs: BigInt(options.allowedLatenessMs ?? loopDefaults.allowedLatenessMs) * 1000n,
    idleAfterUs: BigInt(options.idleAfterMs ?? loopDefaults.idleAfterMs) * 1000n,
  })
  const after: LoopState = {
    cutNumber: state.cutNumber + 1,
    ingestedUs,
    watermarkUs,
    parts: openParts(parts, batch.progress),
  }
  await setLoopTimes(session, state.watermarkUs, watermarkUs)
  return { after, parts }
}

async function writeFiles(
  context: LoopContext,
  after: LoopState,
  facts: Parameters<typeof writeAppends>[2],
): Promise<Pick<CutPlan, 'changes' | 'tailChanges'>> {
  const { session, heads } = context
  const files = writeContext(context)
  const changes = await writeAppends(files, heads, facts)
  const tailChanges: TailChange[] = []
  const sources = { gold: goldLookup(context), silver: silverLookup(context) }
  for (const tail of context.tails) {
    const { kind } = tail.gold
    const accepted = `(SELECT * FROM verdict_${kind} WHERE verdict = 'accepted')`
    const rows = facts.present.decoded.has(kind) ? accepted : undefined
    const change = await mergeIntoTail(session, tail, rows, sources, after.watermarkUs)
    tailChanges.push(change)
    const written = await writeGoldChange(session, files, heads, tail, change)
    if (written !== undefined) changes.push(written)
  }
  return { changes, tailChanges }
}

async function commit(
  context: LoopContext,
  batch: MicroBatch,
  plan: CutPlan,
  counts: Awaited<ReturnType<typeof countParts>>,
  total: ReturnType<typeof totalCounts>,
) {
  const { options, state, heads } = context
  const { lake } = options
  const token = lake.ids.uuid()
  const committedUs = lake.clock.nowUs()
  const rowsInput = {
    before: state,
    after: plan.after,
    committedUs,
    token,
    writer: options.writer,
    mode: options.mode,
    progress: batch.progress,
    counts,
    total,
    parts: plan.parts,
  }
  const cutsMetadata = headOf(heads, CUTS).metadata
  return commitCut(commitContext(options), {
    cutsTable: tableId(CUTS),
    lakeTables: allTables.map(({ name }) => tableId(name)),
    previousCut: state.cutNumber,
    cutNumber: plan.after.cutNumber,
    token,
    committedUs,
    changes: plan.changes,
    cutRows: ({ snapshotIds }) =>
      writeDataFiles(
        writeContext(context),
        cutsMetadata,
        withAddedColumns(CUTS, cutsMetadata, cutRowsSql(rowsInput, snapshotIds)),
      ),
    cutsProperties: { [POSITIONS_PROPERTY]: encodePositions(plan.after) },
    summary: { 'sluice.messages': String(total.messageCount) },
  })
}

/** What the loop's file writers work with. */
export function writeContext(context: LoopContext): WriteContext & ManifestReader {
  const { fileIO, ids, scratchDir, manifestCache } = context.options.lake
  return { session: context.session, fileIO, ids, scratchDir, manifestCache }
}

/** Takes the committed cut as the ground for the next one. */
async function goOn(
  context: LoopContext,
  plan: CutPlan,
  committed: ReadonlyMap<string, LoadedTable>,
): Promise<LoopContext> {
  const { session, options } = context
  const { watermarkUs } = plan.after
  const maxRows = options.dedupeMemoryRows ?? loopDefaults.dedupeMemoryRows
  const memories: DedupeMemory[] = []
  for (const memory of context.memories) {
    if (!plan.present.decoded.has(memory.kind)) {
      memories.push(memory)
      continue
    }
    const accepted = `(SELECT * FROM verdict_${memory.kind} WHERE verdict = 'accepted')`
    memories.push(await rememberAccepted(session, memory, accepted, watermarkUs, maxRows))
  }
  const tails = []
  for (const [index, tail] of context.tails.entries()) {
    const change = plan.tailChanges[index]
    const written = plan.changes.find(({ identifier }) => tableKey(identifier) === tail.gold.name)
    if (change === undefined) throw new RangeError(`${tail.gold.name} was left out of the cut`)
    const files = written === undefined ? tail.files : tailFilesOf(written)
    tails.push(await adoptTail(session, tail, change, files, watermarkUs))
  }
  const heads = new Map([...context.heads, ...committed])
  return { ...context, heads, state: plan.after, memories, tails }
}

function silverLookup(context: LoopContext): SilverLookup {
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
    return `(SELECT ${ownColumns(table)} FROM ${rows} WHERE ${range})`
  }
}

function goldLookup(context: LoopContext): GoldLookup {
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

function rowsByTable(changes: readonly TableChange[]): Record<string, number> {
  const rows: Record<string, number> = {}
  for (const change of changes) {
    const added = change.addDataFiles.reduce((sum, file) => sum + file.recordCount, 0)
    rows[tableKey(change.identifier)] = added
  }
  return rows
}
