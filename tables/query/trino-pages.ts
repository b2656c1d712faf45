import type { QueryResult } from 'trino-client'
import { SluiceError } from '../errors.ts'
import { openTrinoConnection, progressOf } from './trino-connection.ts'
import type { TrinoAddress, TrinoConnection, TrinoProgress } from './trino-connection.ts'
import { trinoCancelled, trinoFailure, trinoUnreachable } from './trino-error.ts'

export interface TrinoWatch {
  /** When it aborts, the statement is cancelled in Trino, and the pages end with an error. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TrinoProgress) => void
}

/** Trino's protocol: 502, 503 and 504 mean "ask again" in 50 to 100 ms. */
const BUSY_TRIES = 10
const BUSY_WAIT_MS = 100

/**
 * Runs one statement and hands out the pages of its answer. Where the reader stops before the last
 * one, or the signal aborts, the statement is cancelled in Trino.
 * @throws SluiceError for a failure that any page tells of, and where Trino does not answer.
 */
export async function* trinoPages(
  address: TrinoAddress,
  sql: string,
  watch: TrinoWatch = {},
): AsyncGenerator<QueryResult> {
  const { signal } = watch
  const failed = (error: unknown) => trinoUnreachable(error, address.url, sql)
  const connection = openTrinoConnection(address, (page) => watch.onProgress?.(progressOf(page)))
  // Behind a proxy 502 and 504 may hide a statement that runs: only 503 is safe to send again.
  const pages = await retryBusy([503], () => connection.trino.query(sql), failed, signal)
  // Not before: a statement whose number never came could not be cancelled.
  if (signal !== undefined) connection.endRequestsBy(signal)
  let isRunning = true
  try {
    for (let pageCount = 0; ; pageCount++) {
      if (signal?.aborted === true) throw trinoCancelled(sql)
      const next = await retryBusy([502, 503, 504], () => pages.next(), failed, signal)
      const { value: page, done } = next as IteratorResult<QueryResult, QueryResult>
      isRunning = page.nextUri !== undefined
      if (page.error !== undefined) throw trinoFailure(page.error, sql)
      // After the last page the package hands that page out again.
      if (done === true && pageCount > 0) return
      yield withColumns(page, connection)
      if (done === true) return
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error
    throw trinoCancelled(sql)
  } finally {
    if (isRunning) await cancelQuietly(connection)
  }
}

/** The package passes over pages without rows, and they may be all that name the columns. */
function withColumns(page: QueryResult, connection: TrinoConnection): QueryResult {
  const columns = page.columns ?? connection.lastPage()?.columns
  return columns === undefined ? page : { ...page, columns: columns as QueryResult['columns'] & {} }
}

/** The reader's own reason to stop counts; Trino ends what nobody asks for by itself. */
async function cancelQuietly(connection: TrinoConnection): Promise<void> {
  await connection.cancel().catch(() => undefined)
}

/** A failed request leaves the package's place in the answer as it was, so it can be made again. */
async function retryBusy<R>(
  busyStatuses: readonly number[],
  request: () => Promise<R>,
  failed: (error: unknown) => SluiceError,
  signal: AbortSignal | undefined,
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request()
    } catch (error) {
      if (error instanceof SluiceError) throw error
      const { response } = error as { readonly response?: { readonly status?: number } }
      const isBusy = busyStatuses.includes(response?.status ?? 0)
      if (!isBusy || attempt === BUSY_TRIES || signal?.aborted === true) throw failed(error)
    }
    await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS))
  }
}
