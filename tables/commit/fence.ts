import type { CommitContext } from './commit-context.ts'
import type { LoadedTable } from '../catalog/catalog.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { isDescendant } from './check-descent.ts'
import {
  type CutRecord,
  cutNumberOf,
  findSnapshot,
  HEAD_TAG,
  snapshotOfRef,
} from '../spec/cut-history.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/** The tables as the catalog has them now, by dotted name. */
export async function loadTables(
  context: Pick<CommitContext, 'catalog'>,
  identifiers: readonly TableIdentifier[],
): Promise<ReadonlyMap<string, LoadedTable>> {
  const byKey = new Map(identifiers.map((identifier) => [tableKey(identifier), identifier]))
  const loaded = await Promise.all(
    [...byKey].map(async ([key, identifier]) => {
      const table = await context.catalog.loadTable(identifier)
      if (table !== undefined) return [key, table] as const
      throw new SluiceError(
        'invalid-input',
        `There is no table ${key} in the catalog. Nothing was committed. Create the lake's ` +
          'tables, or name the catalog that holds them.',
        { context: { table: key } },
      )
    }),
  )
  return new Map(loaded)
}

/** The table of that name; the caller loaded it. */
export function tableOf(
  tables: ReadonlyMap<string, LoadedTable>,
  identifier: TableIdentifier,
): LoadedTable {
  const table = tables.get(tableKey(identifier))
  if (table !== undefined) return table
  throw new SluiceError(
    'invalid-input',
    `${tableKey(identifier)} is changed but is no table of the lake. Nothing was committed. ` +
      'Name it among the lake tables.',
  )
}

/**
 * Each head must come from the snapshot of the last cut that touched the table (tag
 * `sluice-head`).
 * @throws SluiceError `data-loss` where somebody rolled a table back behind it.
 */
export async function checkHeads(
  context: CommitContext,
  tables: ReadonlyMap<string, LoadedTable>,
  committed: CutRecord | undefined,
): Promise<void> {
  for (const [key, { metadata }] of tables) {
    const tag = snapshotOfRef(metadata, HEAD_TAG)
    if (tag === undefined || (await isDescendant(context, metadata, tag['snapshot-id']))) continue
    throw rolledBack(key, metadata, committed, tag['snapshot-id'])
  }
}

/**
 * A cut names the heads of all tables that its writer knows: one that knows fewer would hide the rows
 * of the others from whoever reads at that cut. It may be a writer that was started before tables
 * were added.
 * @throws SluiceError `commit-conflict` where the last cut names a table that is not among these.
 */
export function checkKnownTables(
  what: string,
  tables: ReadonlyMap<string, LoadedTable>,
  committed: CutRecord | undefined,
): void {
  const unknown = [...(committed?.heads.keys() ?? [])].filter((key) => !tables.has(key))
  if (unknown.length === 0) return
  throw new SluiceError(
    'commit-conflict',
    `The lake has tables that this process does not know: ${unknown.join(', ')}. Nothing of ${what} ` +
      'was committed: it would hide their rows. Start it again, with the extension that they are of.',
    { context: { tables: unknown.join(', '), committedCut: committed?.cutNumber ?? 0 } },
  )
}

/** @param committed the last cut that the cuts table's main names: it may be rolled back itself */
export function rolledBack(
  table: string,
  metadata: TableMetadata,
  committed: CutRecord | undefined,
  snapshotId: bigint,
): SluiceError {
  const promised = findSnapshot(metadata, snapshotId)
  const promisedCut = promised === undefined ? undefined : cutNumberOf(promised)
  const cut = Math.max(committed?.cutNumber ?? 0, promisedCut ?? 0)
  return new SluiceError(
    'data-loss',
    `${table} was rolled back behind cut ${cut}: its head does not come from snapshot ` +
      `${snapshotId}, which the cut names. Nothing was committed. Set main of ${table} to that ` +
      `snapshot again (tag ${HEAD_TAG} holds it), or rebuild the lake from its sources.`,
    { context: { table, cut, snapshotId } },
  )
}

/** What a writer hears whose start is not the committed end. */
export function fencedOff(
  what: string,
  expectedCut: number,
  committed: CutRecord | undefined,
): SluiceError {
  const winner =
    committed === undefined
      ? 'no cut is committed at all'
      : `cut ${committed.cutNumber} was committed at ` +
        `${formatMs(committed.committedMs)} with token ${committed.token}`
  return new SluiceError(
    'commit-conflict',
    `${what} follows cut ${expectedCut}, but ${winner}. Nothing of ${what} was committed. ` +
      'Another writer owns the lake: stop this one, or start it again after the other ended.',
    {
      context: {
        expectedCut,
        committedCut: committed?.cutNumber ?? 0,
        ...(committed === undefined ? {} : { committedToken: committed.token }),
      },
    },
  )
}

/**
 * True where another cut came first: by the number of the last cut, or by a journal that decided
 * its number. The same writer may go on from there once it has read the lake again, if what it
 * commits is still its to commit.
 */
export function isFencedOff(error: unknown): error is SluiceError {
  if (!isErrorKind(error, 'commit-conflict')) return false
  return error.context['expectedCut'] !== undefined || error.context['settled'] !== undefined
}

/** Milliseconds since 1970 as an ISO text; no wall clock is read. */
function formatMs(timestampMs: number): string {
  return new Date(timestampMs).toISOString()
}
