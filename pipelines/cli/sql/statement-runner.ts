import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createEngine } from '../../../tables/engine/engine.ts'
import { SluiceError } from '../../../tables/errors.ts'
import type { LakeQueryOptions } from '../../../tables/query/choose-cut.ts'
import { formatResult } from '../../../tables/query/format-result.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import type { LakeQuery, LakeQueryResult, ReadState } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { lakeDirectories } from '../../lake/lake-directories.ts'
import type { Lake } from '../../lake/lake.ts'
import { printNote, type CommandContext } from '../command-context.ts'
import { formatCount, formatIso } from '../format-units.ts'
import { queryByTrino } from '../query-by-trino.ts'
import type { LakeInTrino } from '../../lake/lake-in-trino.ts'
import { writeText } from '../write-text.ts'
import { writeOutputFile } from './output-file.ts'
import { isBinary, refuseBytesOnTerminal, type SqlFormat } from './sql-format.ts'

export interface StatementRequest {
  readonly sql: string
  /** The cut or the time to read at; neither for the newest. */
  readonly time: Pick<LakeQueryOptions, 'cut' | 'asOf'>
  readonly format: SqlFormat
  /** A file for the rows; undefined for stdout. */
  readonly output?: string
  /** Stops the statement. Without it Ctrl-C ends the process, as of any command. */
  readonly signal?: AbortSignal
}

/** Runs statements one after the other and writes their rows. */
export type StatementRunner = (request: StatementRequest) => Promise<void>

/** A runner on DuckDB, or on Trino where one is given. */
export function createStatementRunner(
  context: CommandContext,
  lake: Lake,
  trino: LakeInTrino | undefined,
): StatementRunner {
  return async (request) => {
    const { format, output } = request
    if (output === undefined) refuseBytesOnTerminal(format, context.stdout.isTTY)
    if (format === 'parquet') {
      if (trino !== undefined) throw parquetOfTrino()
      await runParquet(context, lake, request)
      return
    }
    // Nothing outside this process runs on for a statement of DuckDB: it may end at once.
    const readerGone = trino === undefined ? new AbortController().signal : context.readerGone()
    const show = (result: LakeQueryResult): Promise<void> =>
      showResult(context, request, result, readerGone)
    const { sql, signal } = request
    const options = optionsOf(request)
    if (trino !== undefined) {
      await queryByTrino(context, { lake, trino, sql, options, signal }, show)
      return
    }
    await withQuery(lake, [], async (query) => show(await query.query(sql, options)))
  }
}

function parquetOfTrino(): SluiceError {
  return new SluiceError(
    'invalid-input',
    '--format parquet is written by DuckDB itself. Nothing was run. Leave --engine trino out, or ' +
      'take --format arrow, which holds the same types.',
  )
}

function optionsOf({ time, format, signal }: StatementRequest): LakeQueryOptions {
  const values = format === 'arrow' ? 'exact' : 'readable'
  return { ...time, values, ...(signal === undefined ? {} : { signal }) }
}

/** The folders are those that a statement's files may be written to, beside what it may read. */
async function withQuery<T>(
  lake: Lake,
  folders: readonly string[],
  use: (query: LakeQuery) => Promise<T>,
): Promise<T> {
  const scratchDir = join(lake.scratchDir, 'sql')
  const allowedDirectories = [...(await lakeDirectories(lake)), ...folders]
  const engine = await createEngine({ ...lake.engineLimits, scratchDir, allowedDirectories })
  try {
    const { catalog, fileIO, manifestCache } = lake
    const cutsTable = tableId('sluice.cuts')
    return await use(createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache }))
  } finally {
    await engine.close()
  }
}

async function showResult(
  context: CommandContext,
  request: StatementRequest,
  result: LakeQueryResult,
  readerGone: AbortSignal,
): Promise<void> {
  const { output, signal } = request
  noteCut(context, result, request)
  let rowCount = 0
  async function* counted() {
    for await (const row of result.rows) {
      signal?.throwIfAborted()
      rowCount += 1
      yield row
    }
  }
  const pieces = await piecesOf({ ...result, rows: counted() }, request)
  try {
    if (output === undefined) {
      await writeText(context.stdout, pieces, readerGone)
      return
    }
    await writeOutputFile(output, context.ids, (partialFile) =>
      pipeline(pieces, createWriteStream(partialFile, { flags: 'wx' })),
    )
    noteRows(context, rowCount, output)
  } finally {
    await result.close()
  }
}

/** Arrow's package is loaded where it is wanted: it takes a tenth of a second. */
async function piecesOf(
  result: LakeQueryResult,
  { format, output }: StatementRequest,
): Promise<AsyncIterable<string | Uint8Array>> {
  if (!isBinary(format)) return formatResult(result, format)
  const { formatArrow } = await import('../../../tables/query/format-arrow.ts')
  const isStream = output === undefined || extname(output).toLowerCase() === '.arrows'
  return formatArrow(result, isStream ? 'stream' : 'file')
}

async function runParquet(
  context: CommandContext,
  lake: Lake,
  request: StatementRequest,
): Promise<void> {
  const { output } = request
  const writeTo = (path: string): Promise<number> =>
    withQuery(lake, [dirname(path)], async (query) => {
      const written = await query.writeParquet(request.sql, path, optionsOf(request))
      noteCut(context, written, request)
      return written.rowCount
    })
  if (output !== undefined) {
    noteRows(context, await writeOutputFile(output, context.ids, writeTo), output)
    return
  }
  // The end of a Parquet file says where its parts are, so that it is made before it is sent.
  const folder = await mkdtemp(join(tmpdir(), 'sluice-parquet-'))
  try {
    const path = join(folder, 'rows.parquet')
    await writeTo(path)
    await writeText(context.stdout, createReadStream(path), context.readerGone())
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Which cut was really read: a time falls between two cuts, and old cuts are thinned out. */
function noteCut(context: CommandContext, state: ReadState, { time }: StatementRequest): void {
  if (time.cut === undefined && time.asOf === undefined) return
  if (state.cut === undefined || state.cutCommittedUs === undefined) return
  printNote(context, `cut ${state.cut} of ${formatIso(state.cutCommittedUs)}`)
}

function noteRows(context: CommandContext, count: number, output: string): void {
  printNote(context, `${formatCount(count)} ${count === 1 ? 'row' : 'rows'} written to ${output}`)
}
