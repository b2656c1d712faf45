import { SluiceError } from '../errors.ts'
import { contentKey } from '../spec/content-key.ts'
import type { DeletionVector, PositionDelete } from '../spec/manifest.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSnapshot } from '../spec/cut-history.ts'
import { readDeletedPositions } from '../scan/read-deleted-positions.ts'
import { writeDeletionVectors } from '../write/write-deletion-vectors.ts'
import type { VectorDeletes } from '../write/write-deletion-vectors.ts'
import type { WriteContext } from '../write/write-context.ts'
import { writePositionDeletes } from '../write/write-position-deletes.ts'
import type { DeletedPositions } from '../write/write-position-deletes.ts'
import { isLive } from './compose-manifests.ts'
import {
  loadEntries,
  loadManifests,
  mapBounded,
  type ManifestReader,
} from './snapshot-manifests.ts'
import { partitionKey } from './snapshot-summary.ts'
import type { TableChange } from './table-change.ts'
import { referencedFileOf } from './validate-change.ts'

/** The part of a change that takes rows out. */
export type RowDeletes = Pick<TableChange, 'addDeletes' | 'removeDeletePaths' | 'mustBeLive'>

type HeldDelete = PositionDelete | DeletionVector

/**
 * Writes the deletes of rows of live data files in the form of the table's format version:
 * position deletes in version 2, in version 3 deletion vectors, which take in what was deleted
 * from the same files before. The change must keep `metadata`'s current snapshot as its base.
 * @throws SluiceError `unsupported` for a table of version 1, `invalid-input` for positions
 * outside of a file.
 */
export async function writeRowDeletes(
  context: WriteContext & ManifestReader,
  metadata: TableMetadata,
  deletes: readonly DeletedPositions[],
): Promise<RowDeletes> {
  const wanted = deletes.filter(({ positions }) => positions.length > 0)
  const mustBeLive = wanted.map(({ file }) => file.filePath)
  const version = metadata['format-version']
  if (wanted.length === 0) return { addDeletes: [], removeDeletePaths: [], mustBeLive }
  if (version === 1) throw noDeletes(metadata)
  if (version === 2) {
    const addDeletes = await writePositionDeletes(context, metadata, wanted)
    return { addDeletes, removeDeletePaths: [], mustBeLive }
  }
  const live = await loadLiveDeletes(context, metadata)
  const merged: VectorDeletes[] = []
  for (const one of wanted) {
    const partition = partitionKey(one.file.specId, one.file.partition)
    const forAny = live.byPartition.get(partition) ?? []
    const held = [...(live.byFile.get(one.file.filePath) ?? []), ...forAny]
    merged.push({ ...one, held: await readDeletedPositions(context, one.file, held) })
  }
  return {
    addDeletes: await writeDeletionVectors(context, metadata, merged),
    removeDeletePaths: mustBeLive.flatMap((path) => (live.byFile.get(path) ?? []).map(contentKey)),
    mustBeLive,
  }
}

interface LiveDeletes {
  /** Those of one data file alone. */
  readonly byFile: ReadonlyMap<string, readonly HeldDelete[]>
  /** Those that may name any file of their partition. */
  readonly byPartition: ReadonlyMap<string, readonly HeldDelete[]>
}

async function loadLiveDeletes(
  reader: ManifestReader,
  metadata: TableMetadata,
): Promise<LiveDeletes> {
  const byFile = new Map<string, HeldDelete[]>()
  const byPartition = new Map<string, HeldDelete[]>()
  const snapshot = currentSnapshot(metadata)
  const manifests = snapshot === undefined ? [] : await loadManifests(reader, snapshot)
  const ofDeletes = manifests.filter((manifest) => manifest.content === 'deletes')
  const loaded = await mapBounded(ofDeletes, (manifest) => loadEntries(reader, manifest))
  for (const entry of loaded.flat()) {
    const { file } = entry
    if (!isLive(entry) || file.content === 'data' || file.content === 'equality-deletes') continue
    const target = referencedFileOf(file)
    const key = target ?? partitionKey(file.specId, file.partition)
    const index = target === undefined ? byPartition : byFile
    const held = index.get(key)
    if (held === undefined) index.set(key, [file])
    else held.push(file)
  }
  return { byFile, byPartition }
}

function noDeletes(metadata: TableMetadata): SluiceError {
  return new SluiceError(
    'unsupported',
    `The table at ${metadata.location} has format version 1, which has no deletes of single ` +
      'rows. Nothing was written. Upgrade the table to format version 2, or rewrite whole files.',
  )
}
