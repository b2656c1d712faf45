import { SluiceError } from '../errors.ts'
import { brokenParquetFiles } from './broken-parquet-files.ts'

/** How much of a statement a log line shows. */
const SHOWN_SQL_LENGTH = 300

/**
 * The engine's error as ours. The engine's own text stays first: it names the column, value or
 * file. The statement goes into the context, not into the message: it may be pages long.
 */
export function engineError(error: unknown, sql: string): SluiceError {
  if (error instanceof SluiceError) return error
  const text = error instanceof Error ? error.message : String(error)
  const context = { sql: sql.slice(0, SHOWN_SQL_LENGTH) }
  const broken = brokenParquetFiles(text, sql)
  if (broken !== undefined) {
    return new SluiceError(
      'corrupt-data',
      `A Parquet file is broken (${text}). It is ${broken}. The statement had no effect. Restore ` +
        'the file from a copy, or roll the table back to a snapshot before it.',
      { cause: error, context: { ...context, file: broken } },
    )
  }
  if (/^(IO|HTTP) Error/.test(text)) {
    return new SluiceError(
      'storage-unavailable',
      `The engine could not read or write a file: ${text}. The statement had no effect. ` +
        'Check that the file is there, its permissions, and the space of the disk.',
      { cause: error, context },
    )
  }
  return new SluiceError('invalid-input', `The engine refused the statement: ${text}`, {
    cause: error,
    context,
  })
}
