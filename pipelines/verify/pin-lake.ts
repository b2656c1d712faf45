import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { isErrorKind, SluiceError } from '../../tables/errors.ts'
import { readAtOneCut, snapshotInCut, type ReadCut } from '../../tables/query/choose-cut.ts'
import { createManifestCache } from '../../tables/scan/manifest-cache.ts'
import type { CutRecord } from '../../tables/spec/cut-history.ts'
import { MAIN_BRANCH } from '../../tables/spec/snapshot.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import type { Lake } from '../lake/lake.ts'
import type { Finding } from './finding.ts'

/** A table of the lake, twice: as the catalog has it, and as it was at the pinned cut. */
export interface PinnedTable {
  readonly name: string
  readonly loaded: LoadedTable
  /** The same metadata with `main` at the pinned cut's snapshot. */
  readonly pinned: LoadedTable
}

/** A lake held still at one cut, whatever a writer does beside it. */
export interface PinnedLake {
  /** With a manifest cache of its own: what is verified comes from the store. */
  readonly lake: Lake
  readonly session: Session
  /** Undefined for a lake without a cut. */
  readonly cut: CutRecord | undefined
  /** The tables that could be loaded, by dotted name. */
  readonly tables: ReadonlyMap<string, PinnedTable>
  /** Tables that could not be loaded. */
  readonly findings: readonly Finding[]
}

export const CUTS = 'sluice.cuts'

/**
 * Every table at the heads of one cut. Tables that are gone or that cannot be read are findings;
 * the others are there all the same.
 * @throws SluiceError `storage-unavailable` where the catalog or a store does not answer.
 */
export async function pinLake(lake: Lake, session: Session): Promise<PinnedLake> {
  const own: Lake = { ...lake, manifestCache: createManifestCache() }
  const cutsTable = tableId(CUTS)
  try {
    const { read, cut } = await readAtOneCut({ catalog: lake.catalog, cutsTable }, {}, (one) =>
      pinTables(own, one),
    )
    return { lake: own, session, cut: cut?.record, ...read }
  } catch (error) {
    // Without sluice.cuts there is no cut to hold the tables at: each is read at its head.
    if (!isErrorKind(error, 'corrupt-data')) throw error
    const read = await pinTables(own, undefined)
    if (read === undefined || read.tables.has(CUTS)) throw error
    return { lake: own, session, cut: undefined, ...read }
  }
}

type PinnedTables = Pick<PinnedLake, 'tables' | 'findings'>

/** Undefined where a table expired past the cut just now. */
async function pinTables(lake: Lake, cut: ReadCut | undefined): Promise<PinnedTables | undefined> {
  const tables = new Map<string, PinnedTable>()
  const findings: Finding[] = []
  for (const { name } of lake.model.tables) {
    const loaded = await loadTable(lake, name)
    if ('what' in loaded) {
      findings.push(loaded)
      continue
    }
    const choice = snapshotInCut(loaded, cut, tableId(CUTS))
    if (choice === undefined) return undefined
    const metadata = atSnapshot(loaded.metadata, choice.snapshotId)
    tables.set(name, { name, loaded, pinned: { ...loaded, metadata } })
  }
  return { tables, findings }
}

async function loadTable(lake: Lake, name: string): Promise<LoadedTable | Finding> {
  try {
    const loaded = await lake.catalog.loadTable(tableId(name))
    return loaded ?? goneTable(name)
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind !== 'corrupt-data') throw error
    return brokenTable(name, error)
  }
}

function goneTable(name: string): Finding {
  return {
    ...{ check: 'tables', kind: 'data-loss', table: name },
    what: 'The catalog has no such table: all of its rows are out of reach.',
    advice:
      'Start no writer, it would begin an empty one. Register the newest metadata file of the ' +
      "table's folder in the catalog again, or restore the catalog from a backup.",
  }
}

function brokenTable(name: string, error: SluiceError): Finding {
  const { location } = error.context
  const isMissing = error.context['reason'] === 'missing-file'
  return {
    ...{ check: 'tables', kind: isMissing ? 'data-loss' : 'corrupt-data', table: name },
    ...(typeof location === 'string' ? { file: location } : {}),
    what: `Its metadata cannot be read, and so none of its rows. ${error.message}`,
    advice:
      'Restore the file from a copy, or point the table at the metadata file before it; what the ' +
      'last cut added must then be read again from its sources.',
  }
}

function atSnapshot(metadata: TableMetadata, snapshotId: bigint | undefined): TableMetadata {
  const { 'current-snapshot-id': current, refs, ...rest } = metadata
  if (current === snapshotId) return metadata
  const { [MAIN_BRANCH]: main, ...others } = refs
  if (snapshotId === undefined) return { ...rest, refs: others }
  const held = { ...main, type: 'branch' as const, 'snapshot-id': snapshotId }
  return { ...rest, 'current-snapshot-id': snapshotId, refs: { ...others, [MAIN_BRANCH]: held } }
}
