import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { createEngine, type Session } from '../../tables/engine/engine.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { scanSql } from '../../tables/scan/scan-sql.ts'
import { parseJson, stringifyJson } from '../../tables/spec/json.ts'
import type { Snapshot } from '../../tables/spec/snapshot.ts'
import { parseTableMetadata } from '../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'

/** What the rows of all tables say, read at heads between which no cut lies. */
export interface SeenRows {
  readonly cuts: bigint
  /** By the receipts in sluice.cuts. */
  readonly toldMessages: bigint
  readonly toldRows: bigint
  /** By the rows themselves. */
  readonly bronze: bigint
  readonly trades: bigint
  readonly quotes: bigint
  readonly rejected: bigint
  readonly tradesInBars: bigint
  readonly quotesInSpreads: bigint
}

/** One look at all tables of a lake, one after the other. */
export interface Sighting {
  /** Last cut by sluice.cuts, before and after the other tables were read; 0 for none. */
  readonly firstCut: number
  readonly lastCut: number
  /** Head by table; rewritten files, which change no row, are looked through. */
  readonly heads: Readonly<Record<string, string>>
  /** Undefined where a cut landed meanwhile. */
  readonly rows: SeenRows | undefined
}

export interface CutReader {
  look(): Promise<Sighting>
  close(): Promise<void>
}

/** A reader that knows of the lake only what its REST catalog and its files say. */
export async function openCutReader(catalogUrl: string): Promise<CutReader> {
  const scratchDir = await mkdtemp(join(tmpdir(), 'sluice-reader-'))
  const engine = await createEngine({ scratchDir, threads: 1 })
  const session = await engine.connect()
  return {
    look: () => look(catalogUrl, session),
    close: async () => {
      session.close()
      await engine.close()
      await rm(scratchDir, { recursive: true, force: true })
    },
  }
}

async function look(catalogUrl: string, session: Session): Promise<Sighting> {
  const before = await loadMetadata(catalogUrl, 'sluice.cuts')
  const tables = new Map<string, TableMetadata>()
  for (const { name } of allTables) tables.set(name, await loadMetadata(catalogUrl, name))
  const after = await loadMetadata(catalogUrl, 'sluice.cuts')
  const heads: Record<string, string> = {}
  for (const [name, metadata] of tables) {
    const head = headOfRows(metadata)
    if (head !== undefined) heads[name] = String(head['snapshot-id'])
  }
  const [firstCut, lastCut] = [cutOf(before), cutOf(after)]
  const isWhole = firstCut === lastCut && lastCut > 0
  return { firstCut, lastCut, heads, rows: isWhole ? await readAll(session, tables) : undefined }
}

async function loadMetadata(catalogUrl: string, name: string): Promise<TableMetadata> {
  const [namespace, table] = name.split('.')
  const answer = await fetch(`${catalogUrl}/v1/namespaces/${namespace}/tables/${table}`)
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`)
  const { metadata } = parseJson(await answer.text()) as { readonly metadata: unknown }
  return parseTableMetadata(stringifyJson(metadata))
}

/** The current snapshot, or the one whose rows it only put into other files. */
function headOfRows(metadata: TableMetadata): Snapshot | undefined {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]))
  let head = byId.get(metadata['current-snapshot-id'] ?? 0n)
  while (head?.summary.operation === 'replace') head = byId.get(head['parent-snapshot-id'] ?? 0n)
  return head
}

function cutOf(cuts: TableMetadata): number {
  return Number(headOfRows(cuts)?.summary['sluice.cut'] ?? '0')
}

async function readAll(
  session: Session,
  tables: ReadonlyMap<string, TableMetadata>,
): Promise<SeenRows> {
  const fileIO = createLocalFileIO()
  const read = async (name: string, sql: string): Promise<bigint> => {
    const metadata = tables.get(name)
    if (metadata === undefined) throw new RangeError(name)
    const rows = await scanSql(await planScan({ fileIO, metadata }), fileIO)
    const [row] = await session.rows<{ n: bigint }>(
      `SELECT coalesce(${sql}, 0)::BIGINT AS n FROM (${rows})`,
    )
    return row?.n ?? 0n
  }
  const own = 'FILTER (source IS NULL)'
  return {
    cuts: await read('sluice.cuts', `count(*) ${own}`),
    toldMessages: await read('sluice.cuts', `sum(message_count) ${own}`),
    toldRows: await read('sluice.cuts', `sum(silver_count) ${own}`),
    bronze:
      (await read('bronze.trade_messages', 'count(*)')) +
      (await read('bronze.quote_messages', 'count(*)')),
    trades: await read('silver.trades', 'count(*)'),
    quotes: await read('silver.quotes', 'count(*)'),
    rejected: await read('silver.rejected_messages', 'count(*)'),
    tradesInBars: await read('gold.bars', `sum(trade_count) FILTER (step = '1m')`),
    quotesInSpreads: await read('gold.spreads', `sum(quote_count) FILTER (step = '1d')`),
  }
}
