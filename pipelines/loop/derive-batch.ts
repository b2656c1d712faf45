import type { Format } from '../../shared-transforms/formats/format.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { findFormat, type HasModel } from '../../shared-transforms/lake-model.ts'
import { isErrorKind, SluiceError } from '../../tables/errors.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import { createDuplicateTables, MESSAGE_COLUMNS } from './decide-duplicates.ts'
import { FRAMED_TABLE } from './frame-batch.ts'
import type { StepSession } from './step-session.ts'

/** Which kinds a batch holds: steps of other kinds have nothing to do. */
export interface BatchKinds {
  /** Kinds with a message, ignored or not. */
  readonly routed: ReadonlySet<Kind>
  /** Kinds with a message that is not ignored. */
  readonly decoded: ReadonlySet<Kind>
}

/**
 * From the framed messages to `routed` and, for each kind, `decoded_<kind>`: typed rows with
 * `reason` null where the row is good. `createBatchTables` must have been called before.
 *
 * Steps are total, so no message should make them throw. Should one do it all the same, the batch
 * is halved until that message is alone; it becomes a rejected row `engine-error` of its format's
 * first kind, and the rest of the batch is there.
 */
export async function deriveBatch(
  session: StepSession,
  formatNames: readonly string[],
  framed: string = FRAMED_TABLE,
): Promise<BatchKinds> {
  const chosen = formatNames.map((name) => formatOf(session, name))
  await clearBatchTables(session)
  // Rows that are not committed yet are read by one thread alone: a large batch is not one
  // transaction. What it left is taken away where it fails.
  const isWhole = !session.isLarge()
  if (isWhole) await session.run('BEGIN')
  try {
    for (const format of chosen) {
      const rows = `(SELECT * FROM ${framed} WHERE format = ${sqlString(format.name)})`
      await session.add('routed', format.routeSql(rows))
    }
    const present = await readPresent(session)
    for (const { format, kind, decoded } of present) {
      if (decoded > 0n) await decode(session, formatOf(session, format), kind, 'true')
    }
    if (isWhole) await session.run('COMMIT')
    return kindsOf(present)
  } catch (error) {
    if (isWhole) await session.run('ROLLBACK')
    if (isNotOfRows(error)) throw error
    if (!isWhole) await clearBatchTables(session)
  }
  // Halves are ranges of row ids, which a table alone has.
  const isTable = framed === FRAMED_TABLE
  if (!isTable) await session.fill(FRAMED_TABLE, `SELECT * FROM ${framed} AS f`)
  for (const format of chosen) await deriveByHalves(session, format)
  if (!isTable) await session.clear(FRAMED_TABLE, `SELECT * FROM ${FRAMED_TABLE} WHERE false`)
  return kindsOf(await readPresent(session))
}

interface PresentKind {
  readonly format: string
  readonly kind: Kind
  readonly decoded: bigint
}

async function readPresent(session: StepSession): Promise<PresentKind[]> {
  return session.rowsKept<PresentKind>(
    'SELECT format, kind, count(*) FILTER (NOT is_ignored) AS decoded FROM routed ' +
      'GROUP BY format, kind ORDER BY format, kind',
  )
}

function kindsOf(present: readonly PresentKind[]): BatchKinds {
  return {
    routed: new Set(present.map(({ kind }) => kind)),
    decoded: new Set(present.filter(({ decoded }) => decoded > 0n).map(({ kind }) => kind)),
  }
}

async function clearBatchTables(session: StepSession): Promise<void> {
  const names = session.model.kinds.flatMap((kind) => [`decoded_${kind}`, `verdict_${kind}`])
  for (const name of ['routed', ...names]) {
    await session.clear(name, `SELECT * FROM empty_${name}`)
  }
}

async function decode(
  session: StepSession,
  format: Format,
  kind: Kind,
  isWanted: string,
): Promise<void> {
  const routed =
    `(SELECT * FROM routed WHERE format = ${sqlString(format.name)} ` +
    `AND kind = ${sqlString(kind)} AND NOT is_ignored AND ${isWanted})`
  await session.add(
    `decoded_${kind}`,
    `SELECT *, ${format.isEventTimeReceived(kind)} AS is_event_time_received ` +
      `FROM (${format.decodeSql(kind, routed)})`,
  )
}

/**
 * The tables that each batch is derived through, empty. Binding a decoding step only for the
 * shape of its rows costs more than a small batch, so it is done once.
 */
export async function createBatchTables(session: StepSession): Promise<void> {
  const none = '(SELECT * FROM framed WHERE false)'
  const { routeSql } = anyFormat(session)
  await session.createEmpty('empty_routed', routeSql(none))
  for (const kind of session.model.kinds) {
    const example = formatWith(session, kind)
    await session.createEmpty(
      `empty_decoded_${kind}`,
      `SELECT *, false AS is_event_time_received FROM (${example.decodeSql(kind, 'empty_routed')})`,
    )
    await session.createEmpty(
      `empty_verdict_${kind}`,
      `SELECT * EXCLUDE (${MESSAGE_COLUMNS}), 0::UBIGINT AS identity_hash, '' AS verdict ` +
        `FROM empty_decoded_${kind}`,
    )
    await createDuplicateTables(session, kind)
  }
  await clearBatchTables(session)
}

/** Whether rows of a kind may have an id: without one a row is no duplicate of any other. */
export function mayHaveIds(model: HasModel, formatNames: Iterable<string>, kind: Kind): boolean {
  return [...formatNames].some((name) => formatOf(model, name).idKind(kind) !== 'none')
}

/** @throws SluiceError `invalid-input` for a name that is no format's. */
export function formatOf({ model }: HasModel, name: string): Format {
  const format = findFormat(model, name)
  if (format === undefined) {
    throw new SluiceError(
      'invalid-input',
      `There is no format "${name}". Nothing was read. Formats: ${[...model.formats.keys()].join(', ')}.`,
    )
  }
  return format
}

/** Any one: routed messages have the same columns in all. */
function anyFormat({ model }: HasModel): Format {
  const [format] = model.formats.values()
  if (format === undefined) throw new RangeError('a lake has no format')
  return format
}

/** Some format that has the kind: the columns are the same in all. */
function formatWith({ model }: HasModel, kind: Kind): Format {
  const format = [...model.formats.values()].find((one) => one.kinds.includes(kind))
  if (format === undefined) throw new RangeError(`no format has messages of kind ${kind}`)
  return format
}

/** The slow way: halves of the format's messages, until what fails is one message alone. */
async function deriveByHalves(session: StepSession, format: Format): Promise<void> {
  const [range] = await session.rows<{ low: bigint | null; high: bigint | null }>(
    `SELECT min(rowid) AS low, max(rowid) + 1 AS high FROM framed ` +
      `WHERE format = ${sqlString(format.name)}`,
  )
  if (range === undefined || range.low === null || range.high === null) return
  await deriveRange(session, format, range.low, range.high)
}

async function deriveRange(
  session: StepSession,
  format: Format,
  low: bigint,
  high: bigint,
): Promise<void> {
  await session.run('BEGIN')
  try {
    await deriveRows(session, format, low, high)
    await session.run('COMMIT')
  } catch (error) {
    await session.run('ROLLBACK')
    if (isNotOfRows(error)) throw error
    if (high - low <= 1n) {
      await rejectAsEngineError(session, format, low, error)
      return
    }
    const middle = (low + high) / 2n
    await deriveRange(session, format, low, middle)
    await deriveRange(session, format, middle, high)
  }
}

/**
 * The statement itself is refused, a file cannot be written or read, or somebody stopped the
 * engine: no message is to blame for that. Only how the engine's text begins says so; further on
 * it may quote a payload.
 */
function isNotOfRows(error: unknown): boolean {
  if (isErrorKind(error, 'storage-unavailable')) return true
  const cause = error instanceof SluiceError ? error.cause : error
  return cause instanceof Error && /^(Binder|Parser|Catalog|INTERRUPT) Error\b/.test(cause.message)
}

async function deriveRows(
  session: StepSession,
  format: Format,
  low: bigint,
  high: bigint,
): Promise<void> {
  const rows =
    `(SELECT * FROM framed WHERE format = ${sqlString(format.name)} ` +
    `AND rowid >= ${low} AND rowid < ${high})`
  const [before] = await session.rows<{ count: bigint }>(
    'SELECT coalesce(max(rowid) + 1, 0) AS count FROM routed',
  )
  const isNew = `rowid >= ${before?.count ?? 0n}`
  await session.run(`INSERT INTO routed BY NAME ${format.routeSql(rows)}`)
  const present = await session.rows<{ kind: Kind }>(
    `SELECT DISTINCT kind FROM routed WHERE ${isNew} AND NOT is_ignored`,
  )
  for (const { kind } of present) await decode(session, format, kind, isNew)
}

async function rejectAsEngineError(
  session: StepSession,
  format: Format,
  row: bigint,
  error: unknown,
): Promise<void> {
  const [kind] = format.kinds
  const detail = error instanceof Error ? error.message.slice(0, 500) : String(error)
  await session.run(
    `INSERT INTO routed BY NAME SELECT *, ${sqlString(kind)} AS kind, false AS is_ignored ` +
      `FROM framed WHERE rowid = ${row}`,
  )
  await session.run(
    `INSERT INTO decoded_${kind} BY NAME SELECT *, ${sqlString(kind)} AS kind, ` +
      `0 AS source_row, 'engine-error' AS reason, ${sqlString(detail)} AS detail, ` +
      `false AS is_event_time_received FROM framed WHERE rowid = ${row}`,
  )
}
