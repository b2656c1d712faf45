import { SluiceError } from '../../../tables/errors.ts'
import { createTrinoClient } from '../../../tables/query/trino-client.ts'
import type { TrinoProgress } from '../../../tables/query/trino-connection.ts'
import type { TrinoWatch } from '../../../tables/query/trino-pages.ts'
import type { LakeInTrino } from '../../lake/lake-in-trino.ts'

/**
 * Session properties for steps. Trino 483 filters the rows of a join on IS NOT DISTINCT FROM by what
 * it saw of the other side, and loses those that are null there, now and then: agreement of
 * duplicates hangs on them.
 */
export const STEP_SESSION = 'enable_dynamic_filtering=false'

/** Statements of one backfill. `purpose` completes "Trino could not …". */
export interface TrinoSession {
  run(purpose: string, sql: string): Promise<void>
  rows<T>(purpose: string, sql: string): Promise<T[]>
}

export interface TrinoSessionOptions {
  readonly trino: LakeInTrino
  readonly signal: AbortSignal
  readonly onProgress: (purpose: string, progress: TrinoProgress) => void
}

/**
 * Runs statements one after the other; the signal cancels the one that runs.
 * @throws SluiceError that names what the statement was for and its number in Trino.
 */
export function createTrinoSession(options: TrinoSessionOptions): TrinoSession {
  const client = createTrinoClient({ ...options.trino, session: STEP_SESSION })
  const watched = async <T>(
    purpose: string,
    work: (watch: TrinoWatch) => Promise<T>,
  ): Promise<T> => {
    let queryId: string | undefined
    const onProgress = (progress: TrinoProgress) => {
      queryId = progress.queryId
      options.onProgress(purpose, progress)
    }
    try {
      return await work({ signal: options.signal, onProgress })
    } catch (error) {
      if (options.signal.aborted) throw error
      throw failedStep(error, purpose, queryId)
    }
  }
  return {
    run: async (purpose, sql) => {
      await watched(purpose, (watch) => client.run(sql, watch))
    },
    rows: (purpose, sql) => watched(purpose, (watch) => client.rows(sql, watch)),
  }
}

function failedStep(cause: unknown, purpose: string, queryId: string | undefined): unknown {
  if (!(cause instanceof SluiceError)) return cause
  // Whatever became of a scratch table: nothing of the lake hangs on it.
  const isOfScratch = cause.kind === 'commit-state-unknown' || cause.kind === 'commit-conflict'
  const kind = isOfScratch ? 'storage-unavailable' : cause.kind
  const query = queryId === undefined ? 'not begun' : `query ${queryId}`
  return new SluiceError(
    kind,
    `Trino could not ${purpose} (${query}). Nothing of this cut was committed. ${cause.message}`,
    { cause, context: { ...cause.context, purpose, query } },
  )
}

/**
 * Ends whatever statements of a dead run Trino still works on: nobody reads their answers, but
 * they would go on writing. Where Trino does not let us, they end by themselves.
 */
export async function endStatementsOf(trino: LakeInTrino, run: string): Promise<void> {
  const client = createTrinoClient(trino)
  try {
    const running = await client.rows<{ query_id: string }>(
      `SELECT query_id FROM system.runtime.queries WHERE state NOT IN ('FINISHED', 'FAILED') ` +
        // Written apart, so that the statement does not find itself.
        `AND strpos(query, concat('_', '${run}', '"')) > 0 AND source = 'sluice'`,
    )
    for (const { query_id: queryId } of running) {
      const why = 'the backfill that asked for it is dead'
      await client.run(
        `CALL system.runtime.kill_query(query_id => '${queryId}', message => '${why}')`,
      )
    }
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
  }
}
