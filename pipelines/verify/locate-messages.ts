import { sqlString } from '../../tables/engine/sql-text.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** Messages of one part that bear the time of one cut. */
export interface MessagesOfCut {
  readonly source: string
  readonly source_partition: number
  readonly ingested_us: bigint
}

/** Where a message is, or was. */
export interface LocatedMessage {
  readonly table: string
  readonly offset: bigint
  readonly file: string | undefined
}

/** The first offset that bronze holds more than once, with the file of the newest copy. */
export async function locateDoubled(
  pinned: PinnedLake,
  broken: BrokenFiles,
  messages: MessagesOfCut,
): Promise<LocatedMessage | undefined> {
  const bronze = await relationOf(pinned, broken, messages, 'bronze.', '_messages')
  const [row] = await pinned.session.rows<{ name: string; place: bigint; file: string }>(
    `SELECT max(name) AS name, source_offset AS place, max(_file) AS file FROM ${bronze} ` +
      `GROUP BY source_offset HAVING count(*) > 1 ORDER BY place LIMIT 1`,
  )
  return row === undefined ? undefined : { table: row.name, offset: row.place, file: row.file }
}

/** The first message that bronze lost and silver has a row of: its table tells the kind. */
export async function locateLost(
  pinned: PinnedLake,
  broken: BrokenFiles,
  messages: MessagesOfCut,
): Promise<LocatedMessage | undefined> {
  const bronze = await relationOf(pinned, broken, messages, 'bronze.', '_messages')
  const silver = await relationOf(pinned, broken, messages, 'silver.', 's')
  const [row] = await pinned.session.rows<{ name: string; place: bigint }>(
    `SELECT name, source_offset AS place FROM ${silver} ANTI JOIN ${bronze} b ` +
      `USING (source_offset) ORDER BY place LIMIT 1`,
  )
  if (row === undefined) return undefined
  const table = `${row.name.replace('silver.', 'bronze.').replace(/s$/, '')}_messages`
  return { table, offset: row.place, file: undefined }
}

/** Offsets of the part with the cut's time: name, source_offset, _file. */
async function relationOf(
  pinned: PinnedLake,
  broken: BrokenFiles,
  { source, source_partition: partition, ingested_us: ingestedUs }: MessagesOfCut,
  before: string,
  behind: string,
): Promise<string> {
  const selects: string[] = []
  for (const kind of pinned.lake.model.kinds) {
    const name = `${before}${kind}${behind}`
    const filter = [{ column: 'ingested_ts', op: '=' as const, value: ingestedUs }]
    const rows = await readableRows(pinned, broken, name, { filter, withPosition: true })
    if (rows === undefined) continue
    selects.push(
      `SELECT '${name}' AS name, source_offset, _file FROM ${rows} ` +
        `WHERE source = ${sqlString(source)} AND source_partition = ${partition} ` +
        `AND epoch_us(ingested_ts) = ${ingestedUs}`,
    )
  }
  return `(${selects.join(' UNION ALL ')})`
}
