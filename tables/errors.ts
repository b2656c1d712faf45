/**
 * The closed list of what can go wrong. A kind tells the caller what to do; the message tells a
 * person what happened, what was NOT done, and what to do next.
 */
export const errorKinds = [
  /** Somebody else committed first. Nothing of ours became visible. */
  'commit-conflict',
  /** The answer to a commit was lost: it may or may not have landed. No file may be deleted. */
  'commit-state-unknown',
  /** A store or a catalog cannot be reached, or refuses. */
  'storage-unavailable',
  /** The caller's input is wrong: a call, a config, a request. */
  'invalid-input',
  /** Bytes that we read are not what their format promises. */
  'corrupt-data',
  /** The source or the lake no longer holds promised rows: stop, a person decides. */
  'data-loss',
  /** A capability that this store, catalog or version does not have. */
  'unsupported',
] as const

export type ErrorKind = (typeof errorKinds)[number]

export interface ErrorDetails {
  readonly cause?: unknown
  /** Whether the same call may succeed if it is made again, unchanged. */
  readonly isRetryable?: boolean
  /** Plain facts for logs: table, file, cut. Never a credential. */
  readonly context?: Readonly<Record<string, string | number | bigint>>
}

/** The one error class of Sluice. */
export class SluiceError extends Error {
  readonly kind: ErrorKind
  readonly isRetryable: boolean
  readonly context: Readonly<Record<string, string | number | bigint>>

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'SluiceError'
    this.kind = kind
    this.isRetryable = details.isRetryable ?? false
    this.context = details.context ?? {}
  }
}

/** True where `error` is a SluiceError of this kind. */
export function isErrorKind(error: unknown, kind: ErrorKind): error is SluiceError {
  return error instanceof SluiceError && error.kind === kind
}
