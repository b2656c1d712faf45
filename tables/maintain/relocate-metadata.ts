import { gunzipSync, gzipSync } from 'node:zlib'
import type { FileIO } from '../file-io/file-io.ts'
import { parseJson, stringifyJson } from '../spec/json.ts'
import type { WriteContext } from '../write/write-context.ts'
import { mapTexts } from './relocate-deletes.ts'
import {
  createManifestRelocator,
  type ManifestRelocator,
  type RelocationCounts,
} from './relocate-manifests.ts'
import type { Relocation } from './relocation.ts'

export interface RelocatedTables {
  /** New locations of metadata files by the old ones. */
  readonly metadata: ReadonlyMap<string, string>
  readonly counts: Readonly<RelocationCounts>
  /** Files that the new ones take the place of, as they lie now. */
  readonly replaced: readonly string[]
}

type Members = Readonly<Record<string, unknown>>

/**
 * Writes the metadata of tables and views anew for the place where the files are now: metadata
 * files with all of their log, manifest lists, manifests and delete files. Data files hold no
 * location and stay. Every new file has a name of its own, so the old tree is whole until somebody
 * moves the pointers; cut off and called again it writes the same files.
 * @param locations the current metadata files, as the catalog still names them
 */
export async function relocateTables(
  ctx: WriteContext,
  locations: readonly string[],
  relocation: Relocation,
): Promise<RelocatedTables> {
  const manifests = createManifestRelocator(ctx, relocation)
  const metadata = new Map<string, string>()
  for (const location of locations) {
    await relocateMetadata(ctx.fileIO, location, { relocation, manifests, metadata })
  }
  const old = [...metadata.keys(), ...manifests.locations.keys()]
  return {
    metadata,
    counts: manifests.counts,
    replaced: old.map((location) => relocation.moved(location)),
  }
}

interface Work {
  readonly relocation: Relocation
  readonly manifests: ManifestRelocator
  readonly metadata: Map<string, string>
}

async function relocateMetadata(fileIO: FileIO, location: string, work: Work): Promise<void> {
  const current = await readMetadata(fileIO, location, work.relocation)
  const log = membersOf(current.members['metadata-log'])
  // Earlier files first: the current one names them.
  for (const entry of log) {
    const earlier = String(entry['metadata-file'])
    const isThere = (await fileIO.stat(work.relocation.moved(earlier))) !== undefined
    if (isThere && !work.metadata.has(earlier)) {
      await writeMetadata(
        fileIO,
        earlier,
        await readMetadata(fileIO, earlier, work.relocation),
        work,
      )
    }
  }
  await writeMetadata(fileIO, location, current, work)
}

interface ReadMetadata {
  readonly members: Members
  readonly isCompressed: boolean
}

async function readMetadata(
  fileIO: FileIO,
  location: string,
  relocation: Relocation,
): Promise<ReadMetadata> {
  const bytes = await fileIO.read(relocation.moved(location))
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  const text = Buffer.from(isCompressed ? gunzipSync(bytes) : bytes).toString('utf8')
  return { members: parseJson(text) as Members, isCompressed }
}

async function writeMetadata(
  fileIO: FileIO,
  location: string,
  { members, isCompressed }: ReadMetadata,
  { relocation, manifests, metadata }: Work,
): Promise<void> {
  for (const snapshot of membersOf(members['snapshots'])) {
    const list = snapshot['manifest-list']
    if (typeof list !== 'string' || relocation.moved(list) === list) continue
    // An expired snapshot of an earlier file has lost its list, or soon will.
    const isThere = (await fileIO.stat(relocation.moved(list))) !== undefined
    if (isThere) await manifests.relocateList(list)
  }
  const place = (text: string) =>
    manifests.locations.get(text) ?? metadata.get(text) ?? relocation.moved(text)
  const sized = withSizes(members, manifests)
  const text = stringifyJson(mapTexts(sized, place))
  const bytes = Buffer.from(text, 'utf8')
  const target = relocation.renamed(location)
  await fileIO.write(target, isCompressed ? gzipSync(bytes) : bytes)
  metadata.set(location, target)
}

/** The summaries of snapshots with the sizes that their delete files have now. */
function withSizes(members: Members, { growths }: ManifestRelocator): Members {
  if (members['snapshots'] === undefined) return members
  const snapshots = membersOf(members['snapshots']).map((snapshot) => {
    const growth = growths.get(String(snapshot['manifest-list']))
    const summary = snapshot['summary'] as Members | undefined
    if (growth === undefined || summary === undefined) return snapshot
    const added = growth.addedBy.get(BigInt(String(snapshot['snapshot-id']))) ?? 0
    const sizes = { 'total-files-size': growth.live, 'added-files-size': added }
    const grown = Object.entries(sizes).flatMap(([name, bytes]) => {
      const told = summary[name]
      return typeof told === 'string' && bytes !== 0 ? [[name, grownText(told, bytes)]] : []
    })
    return { ...snapshot, summary: { ...summary, ...Object.fromEntries(grown) } }
  })
  return { ...members, snapshots }
}

/** What is no number was not ours to count. */
function grownText(told: string, bytes: number): string {
  return /^\d+$/.test(told) ? String(BigInt(told) + BigInt(bytes)) : told
}

function membersOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? (value as readonly Members[]) : []
}
