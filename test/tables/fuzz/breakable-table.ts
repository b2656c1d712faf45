import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decodeMetadataBytes, namingFile } from '../../../tables/catalog/decode-metadata-bytes.ts'
import { commitChange } from '../../../tables/commit/commit-change.ts'
import { planAppend } from '../../../tables/commit/plan-append.ts'
import { planDeleteWhere } from '../../../tables/commit/plan-delete-where.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import { SluiceError } from '../../../tables/errors.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath, pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { createManifestReader } from '../../../tables/scan/read-manifests.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { currentSnapshot } from '../../../tables/spec/cut-history.ts'
import { parseTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { openPlanShop, type ShopTable } from '../commit/plan-shop.ts'

export const fileKinds = [
  'metadata',
  'packed metadata',
  'manifest list',
  'data manifest',
  'delete manifest',
  'data file',
  'position delete file',
  'deletion vector file',
] as const
export type FileKind = (typeof fileKinds)[number]

export interface BreakableFile {
  readonly kind: FileKind
  readonly location: string
  readonly bytes: Uint8Array
}

export interface BreakableTable {
  readonly files: readonly BreakableFile[]
  /** Every row that ever was, as text, by whether it is still there. */
  readonly model: { readonly live: readonly string[]; readonly deleted: readonly string[] }
  /** The rows as text, sorted, read from the metadata on, with these bytes in place of the file. */
  read(file: BreakableFile, bytes: Uint8Array): Promise<readonly string[]>
  close(): Promise<void>
}

const ROWS = 60
const isDeleted = (id: number): boolean => id % 7 === 3

const shape: ShopTable = {
  columns: {
    id: 'long',
    part: 'int',
    name: 'string',
    nested: {
      type: 'struct',
      fields: [
        { id: 20, name: 'price', required: false, type: 'double' },
        {
          id: 21,
          name: 'tags',
          required: false,
          type: { type: 'list', 'element-id': 22, 'element-required': false, element: 'string' },
        },
      ],
    },
  },
  partition: [['part', 'identity']],
}

/** A table of two partitions and several files; version 2 has position deletes, 3 has vectors. */
export async function makeBreakableTable(formatVersion: 2 | 3): Promise<BreakableTable> {
  const shop = await openPlanShop()
  let table = await shop.create('fragile', { ...shape, formatVersion })
  const { identifier } = table
  for (const [from, to] of [
    [0, 25],
    [25, ROWS],
  ] as const) {
    const query =
      `SELECT i AS id, (i % 2)::INTEGER AS part, 'name ' || i AS name, ` +
      `{price: i / 4.0, tags: ['a' || i, NULL]} AS nested FROM range(${from}, ${to}) t(i)`
    const change = await planAppend(shop.context, table, query)
    table = (await commitChange(shop.context, identifier, change)).table
  }
  const gone = await planDeleteWhere(shop.context, table, 'id % 7 = 3')
  table = (await commitChange(shop.context, identifier, gone)).table
  const metadataLocation = table.metadataLocation
  const files = await filesOf(shop.root, metadataLocation, table.metadata)
  const reader = await createReader(metadataLocation)
  const ids = Array.from({ length: ROWS }, (_, id) => id)
  return {
    files,
    model: {
      live: ids.filter((id) => !isDeleted(id)).map(rowText),
      deleted: ids.filter(isDeleted).map(rowText),
    },
    read: reader.read,
    close: async () => {
      await reader.close()
      await shop.close()
    },
  }
}

/** The values as the engine gives them back. */
function rowText(id: number): string {
  return textOf([BigInt(id), id % 2, `name ${id}`, { price: id / 4, tags: [`a${id}`, null] }])
}

export function textOf(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}

async function filesOf(
  root: string,
  metadataLocation: string,
  metadata: TableMetadata,
): Promise<readonly BreakableFile[]> {
  const names = await readdir(join(root, 'warehouse'), { recursive: true })
  const fileIO = createLocalFileIO()
  const { tasks } = await planScan({ fileIO, metadata })
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) throw new Error('the table is empty')
  const manifests = await createManifestReader(fileIO, metadata, undefined).readManifests(snapshot)
  const files: BreakableFile[] = []
  for (const name of names) {
    const path = join(root, 'warehouse', name)
    const location = locationOfPath(path)
    const kind = kindOf(location)
    if (kind !== undefined) files.push({ kind, location, bytes: await readFile(path) })
  }
  return files

  function kindOf(location: string): FileKind | undefined {
    if (location === metadataLocation) return 'metadata'
    if (location === snapshot?.['manifest-list']) return 'manifest list'
    const manifest = manifests.find(({ manifestPath }) => manifestPath === location)
    if (manifest !== undefined)
      return manifest.content === 'data' ? 'data manifest' : 'delete manifest'
    for (const { file, deletes } of tasks) {
      if (file.filePath === location) return 'data file'
      const found = deletes.find(({ filePath }) => filePath === location)
      if (found?.content === 'position-deletes') return 'position delete file'
      if (found?.content === 'deletion-vector') return 'deletion vector file'
    }
    return undefined
  }
}

/** A reader that never saw the table before, with an engine that outlives its own failures. */
async function createReader(metadataLocation: string) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-broken-'))
  const open = async () => {
    const engine = await createEngine({ scratchDir: join(folder, 'scratch'), threads: 1 })
    return { engine, session: await engine.connect() }
  }
  let held = await open()
  let count = 0
  const read = async (file: BreakableFile, bytes: Uint8Array): Promise<readonly string[]> => {
    count += 1
    // A path of its own each time: the engine remembers files by their paths.
    const path = join(folder, String(count), basename(pathOfLocation(file.location)))
    await mkdir(dirname(path))
    await writeFile(path, bytes)
    try {
      const fileIO = withReplaced(createLocalFileIO(), file.location, path)
      const location = file.kind === 'packed metadata' ? file.location : metadataLocation
      const text = await decodeMetadataBytes(location, await fileIO.read(location))
      const metadata = namingFile(location, () => parseTableMetadata(text))
      const plan = await planScan({ fileIO, metadata, manifestCache: createManifestCache() })
      const sql = await scanSql(plan, fileIO)
      const rows = await held.session.rows<Record<string, unknown>>(`SELECT * FROM (${sql})`)
      return rows.map((row) => textOf(Object.values(row)))
    } catch (error) {
      if (error instanceof SluiceError && /INTERNAL|FATAL/.test(error.message)) {
        await closeHeld()
        held = await open()
      }
      throw error
    } finally {
      await rm(dirname(path), { recursive: true })
    }
  }
  const closeHeld = async () => {
    held.session.close()
    await held.engine.close()
  }
  return {
    read,
    close: async () => {
      await closeHeld()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function withReplaced(fileIO: FileIO, replaced: string, path: string): FileIO {
  const other = locationOfPath(path)
  const at = (location: string): string => (location === replaced ? other : location)
  return {
    ...fileIO,
    read: (location, range) => fileIO.read(at(location), range),
    stat: (location) => fileIO.stat(at(location)),
    localPath: (location, sizeBytes) => fileIO.localPath(at(location), sizeBytes),
  }
}

/** The same metadata as a gzip file. */
export function packedMetadata({ location, bytes }: BreakableFile): BreakableFile {
  const packed = location.replace('.metadata.json', '.gz.metadata.json')
  return { kind: 'packed metadata', location: packed, bytes: gzipSync(bytes) }
}
