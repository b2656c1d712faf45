import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { SluiceError } from '../../tables/errors.ts'
import { cutHistory, type CutRecord } from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from '../lake/lake.ts'
import { changedRowsSql, checkCondition } from './changed-rows.ts'
import type { SinkPosition, SinkPositions } from './sink-position.ts'
import type { SinkSettings } from './sink-settings.ts'
import type { Sink } from './sink.ts'

/** A sink with what it is to get. */
export interface FollowedSink {
  readonly settings: Pick<SinkSettings, 'name' | 'table' | 'where' | 'start'>
  readonly sink: Sink
}

/**
 * Gives a sink what the kept cuts after its position added to its table, one delivery a cut that
 * changed it, and notes how far it is after each. Cuts that expired meanwhile are part of the next
 * kept one's delivery: no row is passed over.
 *
 * Answers with the last cut that the sink has. Stops between two deliveries when `signal` aborts.
 * @throws SluiceError as the sink's `deliver`: the rows come again with the next call.
 */
export async function followCuts(
  lake: Lake,
  positions: SinkPositions,
  { settings, sink }: FollowedSink,
  signal: AbortSignal,
): Promise<number> {
  const { name, table } = settings
  const history = cutHistory((await loaded(lake, 'sluice.cuts')).metadata)
  let position = await positions.read(name)
  if (position === undefined) {
    position = startOf(history, settings)
    await positions.write(name, position)
  }
  const from = position.cutNumber
  const pending = history.filter(({ cutNumber }) => cutNumber > from)
  if (pending.length === 0) return from
  // After the cuts: the head that is read here holds all snapshots that they name.
  const head = await loaded(lake, table)
  for (const cut of pending) {
    if (signal.aborted) break
    const reached: SinkPosition = { cutNumber: cut.cutNumber, snapshotId: cut.heads.get(table) }
    await deliver(lake, head, { settings, sink }, position, cut)
    if (reached.snapshotId !== position.snapshotId || cut === pending.at(-1)) {
      await positions.write(name, reached)
    }
    position = reached
  }
  return position.cutNumber
}

function startOf(
  history: readonly CutRecord[],
  { table, start }: FollowedSink['settings'],
): SinkPosition {
  const last = start === 'latest' ? history.at(-1) : undefined
  return { cutNumber: last?.cutNumber ?? 0, snapshotId: last?.heads.get(table) }
}

async function deliver(
  lake: Lake,
  head: LoadedTable,
  { settings, sink }: FollowedSink,
  from: SinkPosition,
  { cutNumber, committedMs, heads }: CutRecord,
): Promise<void> {
  const { table, where } = settings
  const release = lake.holdCopies()
  try {
    const toId = heads.get(table)
    const query = await changedRowsSql(lake, head, from.snapshotId, toId, where)
    if (query === undefined) return
    const session = await lake.engine.connect()
    try {
      await sink.deliver({ cutNumber, committedMs, table, session, query })
    } finally {
      session.close()
    }
  } finally {
    release()
  }
}

/**
 * Tries the conditions of sinks before a loop begins, so that a mistake is heard at once.
 * @throws SluiceError `invalid-input`
 */
export async function checkSinks(
  lake: Lake,
  sinks: readonly Pick<SinkSettings, 'table' | 'where'>[],
): Promise<void> {
  for (const { table, where } of sinks) {
    if (where !== undefined) await checkCondition(lake, await loaded(lake, table), where)
  }
}

async function loaded(lake: Lake, name: string): Promise<LoadedTable> {
  const table = await lake.catalog.loadTable(tableId(name))
  if (table !== undefined) return table
  throw new SluiceError(
    'data-loss',
    `The table ${name} is gone from the catalog. Nothing was delivered. Restore the catalog from ` +
      'a backup.',
    { context: { table: name } },
  )
}
