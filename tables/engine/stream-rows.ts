import { SQLNULL } from '@duckdb/node-api'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { engineError } from './engine-error.ts'
import type { RowStream } from './engine.ts'
import type { RowValue } from './row-value.ts'
import { valueTypeOf } from './value-type.ts'

export interface StreamRequest {
  readonly sql: string
  readonly convert: (value: DuckDBValue) => RowValue
  /** Whether somebody stopped the statement. */
  readonly isInterrupted: () => boolean
}

/**
 * Runs a statement whose rows are read as they are computed. An error on the way ends the rows of
 * the engine's client as their end does, without a word; a transaction tells the two apart, because
 * it takes no further statement after an error.
 */
export async function streamRows(
  connection: DuckDBConnection,
  request: StreamRequest,
): Promise<RowStream> {
  const { sql, convert } = request
  let isOpen = true
  const close = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    await connection.run('ROLLBACK')
  }
  await connection.run('BEGIN TRANSACTION')
  try {
    const result = await connection.stream(sql)
    const types = result.columnTypes()
    const columns = result.columnNames().map((name, index) => {
      const type = types[index] ?? SQLNULL
      return { name, type: String(type), valueType: valueTypeOf(type) }
    })
    const check = async (): Promise<void> => {
      const isWhole = await connection.run('SELECT 1').then(
        () => true,
        () => false,
      )
      await close()
      if (!isWhole) throw await reasonOfEnd(connection, request)
    }
    return {
      columns,
      blocks: readBlocks(result.yieldConvertedRows(convert), sql, check, close),
      close,
    }
  } catch (error) {
    await close()
    throw engineError(error, sql)
  }
}

async function* readBlocks(
  blocks: AsyncIterable<RowValue[][]>,
  sql: string,
  check: () => Promise<void>,
  close: () => Promise<void>,
): AsyncGenerator<readonly (readonly RowValue[])[]> {
  try {
    yield* blocks
    await check()
  } catch (error) {
    throw engineError(error, sql)
  } finally {
    await close()
  }
}

/** The client does not hand the error out: the statement is run once more, its rows thrown away. */
async function reasonOfEnd(
  connection: DuckDBConnection,
  { sql, isInterrupted }: StreamRequest,
): Promise<unknown> {
  if (isInterrupted()) return new Error('INTERRUPT Error: Interrupted!')
  const error: unknown = await connection.run(`EXPLAIN ANALYZE ${sql}`).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const isReason = error instanceof Error && !error.message.startsWith('Parser Error')
  return isReason ? error : new Error('it ended with an error before its last row')
}
