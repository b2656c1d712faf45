import { trades } from '../silver/trades.ts'
import { randomIds } from '../tables/clock.ts'
import { createLocalFileIO } from '../tables/file-io/local-file-io.ts'
import type { FileIO } from '../tables/file-io/file-io.ts'
import { locationOfPath } from '../tables/file-io/local-location.ts'
import { createTableMetadata } from '../tables/spec/create-table-metadata.ts'
import type { DataFile, Manifest, ManifestEntry } from '../tables/spec/manifest.ts'
import type { PrimitiveType } from '../tables/spec/schema.ts'
import { toSingleValue } from '../tables/spec/single-value.ts'
import type { SingleValue } from '../tables/spec/single-value.ts'
import { serializeTableMetadata } from '../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../tables/spec/table-metadata.ts'
import { tableSchemaOf } from '../tables/spec/table-schema-of.ts'
import { encodeManifest } from '../tables/write/encode-manifest.ts'
import { encodeManifestList } from '../tables/write/manifest-list.ts'
import { manifestOf } from '../tables/write/manifest-of.ts'

/** A table whose metadata is real and whose data files are only named: planning opens none. */
export interface PlanTable {
  readonly metadata: TableMetadata
  readonly metadataLocation: string
  readonly fileIO: FileIO
  /** First µs of the first day; each manifest holds one day. */
  readonly startUs: bigint
  readonly symbols: readonly string[]
}

export const DAY_US = 86_400_000_000n
/** 2025-01-01. */
const START_DAY = 20_089
const ROWS_PER_FILE = 100_000
const SYMBOL_COUNT = 100

/** silver.trades with a manifest a day, and in each the same number of files sorted by symbol. */
export async function makePlanTable(
  folder: string,
  fileCount: number,
  manifestCount: number,
): Promise<PlanTable> {
  const fileIO = createLocalFileIO()
  const { schema, partitionSpec, sortOrder } = tableSchemaOf(trades)
  const location = locationOfPath(folder)
  const created = createTableMetadata({
    uuid: randomIds.uuid(),
    location,
    schema,
    partitionSpec,
    sortOrder,
    properties: {},
    formatVersion: 2,
    nowMs: 0,
  })
  const symbols = Array.from(
    { length: SYMBOL_COUNT },
    (_, index) => `SYM${String(index).padStart(3, '0')}`,
  )
  const snapshotId = randomIds.snapshotId()
  const manifests: Manifest[] = []
  for (let index = 0; index < manifestCount; index += 1) {
    const from = Math.floor((index * fileCount) / manifestCount)
    const until = Math.floor(((index + 1) * fileCount) / manifestCount)
    const entries = Array.from({ length: until - from }, (_, file) =>
      entryOf(location, START_DAY + index, file, until - from, symbols),
    )
    const path = `${location}/metadata/${randomIds.uuid()}-m0.avro`
    const spec = partitionSpec
    const parts = { schema, spec, content: 'data', snapshotId } as const
    const bytes = encodeManifest({ ...parts, entries, formatVersion: 2 })
    await fileIO.write(path, bytes)
    manifests.push(
      manifestOf(entries, { ...parts, path, length: bytes.byteLength, sequenceNumber: 1 }),
    )
  }
  const listPath = `${location}/metadata/snap-${snapshotId}.avro`
  const list = { manifests, snapshotId, sequenceNumber: 1, formatVersion: 2 } as const
  await fileIO.write(listPath, encodeManifestList(list))
  const metadata = withSnapshot(created, snapshotId, listPath)
  const metadataLocation = `${location}/metadata/00000-a.metadata.json`
  await fileIO.write(metadataLocation, Buffer.from(serializeTableMetadata(metadata)))
  return { metadata, metadataLocation, fileIO, startUs: BigInt(START_DAY) * DAY_US, symbols }
}

function withSnapshot(metadata: TableMetadata, snapshotId: bigint, list: string): TableMetadata {
  return {
    ...metadata,
    'last-sequence-number': 1,
    'current-snapshot-id': snapshotId,
    refs: { main: { 'snapshot-id': snapshotId, type: 'branch' } },
    'snapshot-log': [{ 'snapshot-id': snapshotId, 'timestamp-ms': 0 }],
    snapshots: [
      {
        'snapshot-id': snapshotId,
        'sequence-number': 1,
        'timestamp-ms': 0,
        'manifest-list': list,
        summary: { operation: 'append' },
        'schema-id': 0,
      },
    ],
  }
}

function entryOf(
  location: string,
  day: number,
  index: number,
  count: number,
  symbols: readonly string[],
): ManifestEntry {
  const first = symbols[Math.floor((index * symbols.length) / count)] ?? ''
  const last = symbols[Math.max(Math.ceil(((index + 1) * symbols.length) / count) - 1, 0)] ?? first
  const startUs = BigInt(day) * DAY_US
  const bounds: readonly (readonly [PrimitiveType, SingleValue, SingleValue] | undefined)[] = [
    ['string', 'us-equity', 'us-equity'],
    ['string', first, last],
    ['string', `us-equity:${first}`, `us-equity:${last}`],
    ['string', '1000000001', '1000099999'],
    undefined,
    ['timestamptz', startUs + 1n, startUs + DAY_US - 1n],
    ['decimal(18, 8)', 10_000_000_000n, 19_900_000_000n],
    ['decimal(28, 8)', 100_000_000n, 50_000_000_000n],
    ['string', 'buy', 'sell'],
    undefined,
    ['boolean', false, false],
    ['string', 'kafka:trades', 'kafka:trades'],
    ['int', 0, 3],
    ['long', 0n, 9_999_999n],
    ['int', 0, 0],
    ['timestamptz', startUs + 1n, startUs + DAY_US],
    ['timestamptz', startUs + 1n, startUs + DAY_US],
  ]
  const perColumn = <T>(value: (column: number) => T): ReadonlyMap<number, T> =>
    new Map(bounds.map((_, column) => [column + 1, value(column)]))
  const bound = (side: 1 | 2): ReadonlyMap<number, Uint8Array> =>
    new Map(
      bounds.flatMap((held, column) =>
        held === undefined ? [] : [[column + 1, toSingleValue(held[0], held[side])] as const],
      ),
    )
  const file: DataFile = {
    content: 'data',
    filePath: `${location}/data/event_ts_day=${day}/${randomIds.uuid()}.parquet`,
    fileFormat: 'PARQUET',
    specId: 0,
    partition: { event_ts_day: day },
    recordCount: ROWS_PER_FILE,
    fileSizeBytes: 4_000_000,
    columnSizes: perColumn((column) => 100_000 + column),
    valueCounts: perColumn(() => ROWS_PER_FILE),
    nullValueCounts: perColumn((column) => (bounds[column] === undefined ? ROWS_PER_FILE : 0)),
    nanValueCounts: new Map(),
    lowerBounds: bound(1),
    upperBounds: bound(2),
    splitOffsets: [4],
    sortOrderId: 1,
  }
  return { status: 'added', snapshotId: null, sequenceNumber: null, fileSequenceNumber: null, file }
}
