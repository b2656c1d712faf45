import type { LakeQueryOptions } from '../../tables/query/choose-cut.ts'
import type { LakeQueryResult } from '../../tables/query/lake-query.ts'
import type { TrinoProgress } from '../../tables/query/trino-connection.ts'
import { createTrinoQuery } from '../../tables/query/trino-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from '../lake/lake.ts'
import { printNote, type CommandContext } from './command-context.ts'
import { exitCodes } from './report-failure.ts'
import type { LakeInTrino } from '../lake/lake-in-trino.ts'

export interface TrinoRequest {
  readonly lake: Lake
  readonly trino: LakeInTrino
  readonly sql: string
  readonly options: LakeQueryOptions
  /** What cancels it in place of Ctrl-C, which then does not end the command. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a statement in Trino and shows its rows. Ctrl-C, and a reader that goes away (`| head`),
 * cancel it there too: else it would run on for nobody. On a terminal a line says how far it is
 * until the first row comes.
 */
export async function queryByTrino(
  context: CommandContext,
  { lake, trino, sql, options, signal: given }: TrinoRequest,
  show: (result: LakeQueryResult) => Promise<void>,
): Promise<void> {
  const stopped = given ?? context.stopSignal()
  const readerGone = context.readerGone()
  const signal = AbortSignal.any([stopped, readerGone])
  const line = createProgressLine(context)
  const query = createTrinoQuery({
    ...{ catalog: lake.catalog, cutsTable: tableId('sluice.cuts'), trino },
  })
  try {
    const result = await query.query(sql, options, { signal, onProgress: line.draw })
    await show({ ...result, rows: untilFirst(result.rows, line.clear) })
  } catch (error) {
    line.clear()
    if (!signal.aborted) throw error
    if (!stopped.aborted) return
    printNote(context, 'cancelled; Trino was told so')
    if (given === undefined) context.setExitCode(exitCodes.interrupted)
  } finally {
    line.clear()
  }
}

interface ProgressLine {
  readonly draw: (progress: TrinoProgress) => void
  /** Takes the line away, for good. */
  readonly clear: () => void
}

function createProgressLine({ stderr, environment }: CommandContext): ProgressLine {
  let isOpen = stderr.isTTY && !environment.isTerminalDumb
  let isDrawn = false
  return {
    draw: ({ state, percent, rowCount }) => {
      if (!isOpen) return
      const share = percent === undefined ? '' : ` ${Math.floor(percent)} %`
      const rows = rowCount === 0 ? '' : `, ${rowCount.toLocaleString('en-US')} rows read`
      stderr.write(`\r\u001b[Ktrino: ${state.toLowerCase()}${share}${rows}`)
      isDrawn = true
    },
    clear: () => {
      if (isDrawn) stderr.write('\r\u001b[K')
      isOpen = false
      isDrawn = false
    },
  }
}

async function* untilFirst<T>(rows: AsyncIterable<T>, clear: () => void): AsyncGenerator<T> {
  for await (const row of rows) {
    clear()
    yield row
  }
}
