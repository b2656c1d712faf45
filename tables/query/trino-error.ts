import { SluiceError, type ErrorKind } from '../errors.ts'

/** `error` of an answer of Trino, which comes with status 200. */
export interface TrinoFailure {
  readonly message?: string
  readonly errorName?: string
  /** USER_ERROR, INTERNAL_ERROR, INSUFFICIENT_RESOURCES or EXTERNAL. */
  readonly errorType?: string
}

const SHOWN_SQL_LENGTH = 300

/** Names that say more than their type does. */
const kindByName: Readonly<Record<string, ErrorKind>> = {
  ICEBERG_COMMIT_ERROR: 'commit-conflict',
  TRANSACTION_CONFLICT: 'commit-conflict',
  NOT_SUPPORTED: 'unsupported',
  ICEBERG_BAD_DATA: 'corrupt-data',
  ICEBERG_INVALID_METADATA: 'corrupt-data',
  ICEBERG_MISSING_METADATA: 'corrupt-data',
}

/**
 * How the messages of refused commits read. Trino gives the same name to a commit whose answer was
 * lost: that one may have landed, and must not be run again unseen. So what does not read like a
 * refusal is taken for unknown.
 */
const REFUSED_COMMIT = /Commit failed: |conflicting|Cannot commit|Missing required files/

const advice: Readonly<Partial<Record<ErrorKind, string>>> = {
  'commit-conflict': 'Somebody else committed first: run it again.',
  'commit-state-unknown': 'Look whether the table holds the change before you run it again.',
  unsupported: 'Write it in a way that this version of Trino knows.',
  'corrupt-data': 'Look at the table with `sluice describe`.',
  'storage-unavailable': "Look into Trino's log, then run it again.",
}

/** Trino's failure of a statement as ours, with Trino's own words and name. */
export function trinoFailure(failure: TrinoFailure, sql: string): SluiceError {
  const { message = 'no message', errorName = 'no name', errorType } = failure
  const ofType = errorType === 'USER_ERROR' ? 'invalid-input' : 'storage-unavailable'
  const isUnknown = errorName === 'ICEBERG_COMMIT_ERROR' && !REFUSED_COMMIT.test(message)
  const kind = isUnknown ? 'commit-state-unknown' : (kindByName[errorName] ?? ofType)
  const what = isUnknown ? 'does not know whether it carried' : 'did not carry'
  const next = advice[kind] ?? 'Correct the statement.'
  return new SluiceError(
    kind,
    `Trino ${what} out the statement: ${message} (${errorName}). It returned no rows. ${next}`,
    { isRetryable: kind === 'commit-conflict', context: contextOf(sql, errorName) },
  )
}

/** No answer, or none of Trino's protocol: whether a change landed is not known. */
export function trinoUnreachable(error: unknown, url: string, sql: string): SluiceError {
  const { message: text, response } = error as Partial<Error> & {
    readonly response?: { readonly status?: number }
  }
  // The error of the HTTP client holds the whole request, with the password in it.
  const cause = new Error(text ?? String(error))
  const context = contextOf(sql, 'no answer')
  if (response?.status === 401 || response?.status === 403) {
    return new SluiceError(
      'invalid-input',
      `Trino at ${url} refuses the user or the password (${response.status}). The statement was ` +
        'not run. Correct them, and use an https:// address where Trino wants a password.',
      { cause, context },
    )
  }
  return new SluiceError(
    'storage-unavailable',
    `Trino at ${url} does not answer: ${cause.message}. It returned no rows; a statement that ` +
      'changes a table may have landed. Start Trino or correct the address, and look at the ' +
      'table first.',
    { cause, context },
  )
}

/** The caller wanted it no more. */
export function trinoCancelled(sql: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    'The statement was cancelled, and Trino was told so. What it had returned is not the whole ' +
      'answer. Run it again.',
    { context: contextOf(sql, 'cancelled') },
  )
}

function contextOf(sql: string, errorName: string): Readonly<Record<string, string>> {
  return { sql: sql.slice(0, SHOWN_SQL_LENGTH), errorName }
}
