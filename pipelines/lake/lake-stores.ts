import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import { createFileCache, type FileCache } from '../../tables/file-io/file-cache.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { pathOfLocation } from '../../tables/file-io/local-location.ts'
import { joinLocation, schemeOf } from '../../tables/file-io/location.ts'
import { createRoutingFileIO } from '../../tables/file-io/routing-file-io.ts'
import { readLakeFile, writeLakeFile } from './lake-file.ts'
import type { LakeSecrets } from './lake-secrets.ts'
import { identifyProcess } from './process-identity.ts'
import { createScratchFolder, removeDeadScratchFolders } from './scratch-folder.ts'

const location = z.string().min(1)

/** As `lake.json` has them. No secret is among them. */
const lakeStoresSchema = z.object({
  warehouse: location.optional(),
  warehouses: z.record(z.string(), location).optional(),
  s3: z
    .object({
      endpoint: z.string().optional(),
      region: z.string().optional(),
      isPathStyle: z.boolean().optional(),
      caFile: z.string().optional(),
    })
    .optional(),
  hdfs: z
    .object({
      nameNodes: z.array(z.string()),
      user: z.string().optional(),
      dataNodeHosts: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  fileCache: z.object({ folder: z.string().optional(), bytesMax: z.number() }).optional(),
})

/** Where the tables of a lake lie, and how those stores are reached. Holds no secret. */
export interface LakeStores {
  /** A folder's location: namespaces are folders in it. Undefined: a folder of the lake. */
  readonly warehouse?: string | undefined
  /** The same for single namespaces. */
  readonly warehouses?: Readonly<Record<string, string>> | undefined
  readonly s3?: S3Settings | undefined
  readonly hdfs?: HdfsSettings | undefined
  /** Copies of remote files for the engine. */
  readonly fileCache?: FileCacheSettings | undefined
}

/** What is absent is as the SDK's chain of settings says. */
export interface S3Settings {
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  readonly isPathStyle?: boolean | undefined
  /** An absolute path: PEM of an authority to trust for https, beside the known ones. */
  readonly caFile?: string | undefined
}

export interface HdfsSettings {
  /** WebHDFS addresses; more than one for high availability. */
  readonly nameNodes: readonly string[]
  readonly user?: string | undefined
  /** Hosts of DataNodes as they name themselves, to those that are reached from here. */
  readonly dataNodeHosts?: Readonly<Record<string, string>> | undefined
}

export interface FileCacheSettings {
  /** An absolute path; by default `_cache` in the lake's folder. */
  readonly folder?: string | undefined
  /** What all copies may take together. */
  readonly bytesMax: number
}

const FILE_CACHE_BYTES = 10 * 1024 ** 3

/**
 * The stores of a lake: those that the caller was told, which are noted in `lake.json`, else what
 * that file says.
 * @throws SluiceError `invalid-input` where the lake was made with other warehouses.
 */
export async function settleStores(
  directory: string,
  wanted: LakeStores | undefined,
): Promise<LakeStores> {
  const file = await readLakeFile(directory)
  const read = lakeStoresSchema.optional().safeParse(file?.['stores'])
  if (!read.success) throw brokenStores(directory, read.error)
  const kept = read.data ?? {}
  if (wanted === undefined || file === undefined) return wanted ?? kept
  if (layoutOf(wanted) !== layoutOf(kept)) throw otherWarehouses(directory, wanted, kept)
  if (JSON.stringify(wanted) !== JSON.stringify(kept)) {
    await writeLakeFile(directory, { ...file, stores: wanted })
  }
  return wanted
}

/** Where a namespace's tables are to lie; undefined: where the catalog puts them. */
export function namespaceLocation(stores: LakeStores, namespace: string): string | undefined {
  const warehouse = stores.warehouses?.[namespace] ?? stores.warehouse
  return warehouse === undefined ? undefined : joinLocation(warehouse, namespace)
}

/** The open stores of a lake. */
export interface OpenStores {
  readonly settings: LakeStores
  readonly fileIO: FileIO
  /** Folders of this machine, beside the lake's own, where the engine finds files of tables. */
  readonly folders: readonly string[]
  /** Until the answer is called, no copy of a remote file goes that is opened from now on. */
  readonly holdCopies: () => () => void
  close(): Promise<void>
}

export interface OpenStoresOptions {
  readonly directory: string
  readonly stores: LakeStores
  readonly secrets: LakeSecrets | undefined
  readonly clock: Clock
  readonly ids: IdSource
}

/** Opens them for one process; what dead processes left among the copies goes. */
export async function openStores(options: OpenStoresOptions): Promise<OpenStores> {
  const { directory, stores, clock, ids } = options
  const local = createLocalFileIO()
  const places = placesOf(stores)
  const folders = places.filter((place) => schemeOf(place) === 'file').map(pathOfLocation)
  const schemes = new Set(places.map(schemeOf))
  schemes.delete('file')
  if (schemes.size === 0) {
    return { ...{ settings: stores, fileIO: local, folders }, ...withoutCopies }
  }
  const folder = stores.fileCache?.folder ?? join(directory, '_cache')
  const owners = join(folder, 'open')
  await mkdir(owners, { recursive: true })
  await removeDeadScratchFolders(owners)
  const ownFolder = await createScratchFolder(owners, await identifyProcess())
  const bytesMax = stores.fileCache?.bytesMax ?? FILE_CACHE_BYTES
  const cache = createFileCache({ folder, ownFolder, bytesMax, clock, ids })
  const remote: RemoteStore[] = []
  for (const scheme of schemes) remote.push(await openRemote(scheme, options, cache))
  return {
    settings: stores,
    fileIO: createRoutingFileIO([local, ...remote]),
    folders: [...folders, folder],
    holdCopies: cache.hold,
    close: async () => {
      for (const store of remote) store.close()
      await rm(ownFolder, { recursive: true, force: true })
    },
  }
}

const withoutCopies = { holdCopies: () => () => undefined, close: () => Promise.resolve() }

type RemoteStore = FileIO & { close(): void }

/** Loaded only where it is used: the S3 client alone is a quarter of a second of each command. */
async function openRemote(
  scheme: string,
  { stores, secrets, clock, ids }: OpenStoresOptions,
  cache: FileCache,
): Promise<RemoteStore> {
  if (scheme === 's3') {
    const { createS3FileIO } = await import('../../tables/file-io/s3-file-io.ts')
    const { caFile, ...s3 } = stores.s3 ?? {}
    const authorities = caFile === undefined ? undefined : await readAuthorities(caFile)
    return createS3FileIO({ ...s3, authorities, credentials: secrets?.s3, cache, clock, ids })
  }
  const { hdfs } = stores
  if (scheme === 'hdfs' && hdfs !== undefined) {
    const { createHdfsFileIO } = await import('../../tables/file-io/hdfs-file-io.ts')
    const authorities = placesOf(stores).flatMap((place) => /^hdfs:\/\/([^/]+)/.exec(place)?.[1] ?? [])
    const delegationToken = secrets?.hdfsToken
    return createHdfsFileIO({ ...hdfs, delegationToken, authorities, cache, clock, ids })
  }
  const wanted = scheme === 'hdfs' ? 'its NameNodes are not named' : 'no such store is known'
  throw new SluiceError(
    'invalid-input',
    `Tables are to lie in ${scheme}: locations, and ${wanted}. Nothing was opened. Use file:, s3: ` +
      'or hdfs:, the last with `hdfs: { namenodes: [http://host:9870] }` in the config.',
  )
}

async function readAuthorities(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw badAuthorities(path, 'cannot be read', cause)
  })
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw badAuthorities(path, 'holds no certificate')
}

function badAuthorities(path: string, what: string, cause?: unknown): SluiceError {
  const message = `The file ${path} of s3.ca_file ${what}. Nothing was opened. Name a PEM file.`
  return new SluiceError('invalid-input', message, { cause })
}

/** Every warehouse that is named. */
export function placesOf({ warehouse, warehouses = {} }: LakeStores): readonly string[] {
  return [...(warehouse === undefined ? [] : [warehouse]), ...Object.values(warehouses)]
}

/** Which namespace lies where, in one text. */
function layoutOf({ warehouse, warehouses = {} }: LakeStores): string {
  const own = Object.entries(warehouses).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([warehouse, own])
}

function otherWarehouses(directory: string, wanted: LakeStores, kept: LakeStores): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The lake in ${directory} was made with its tables in ${placesText(kept)}, and the config ` +
      `names ${placesText(wanted)}. Nothing was opened. Correct the config, or name another ` +
      'folder for the lake.',
  )
}

/** `s3://lake/all, bronze in hdfs://name:8020/raw`, for people. */
export function placesText({ warehouse, warehouses = {} }: LakeStores): string {
  const own = Object.entries(warehouses).map(([namespace, place]) => `${namespace} in ${place}`)
  return [warehouse ?? 'its own folder', ...own].join(', ')
}

function brokenStores(directory: string, cause: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `lake.json in ${directory} names its stores in a form that cannot be read. Nothing was ` +
      'opened. Restore it from a backup of the lake.',
    { cause },
  )
}
