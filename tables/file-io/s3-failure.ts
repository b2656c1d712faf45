import { SluiceError } from '../errors.ts'
import type { ErrorKind } from '../errors.ts'
import { systemCode } from './durable-file.ts'

/**
 * What a failed request means for its caller:
 * - `passing`: no answer, half an answer, a store that is overloaded: it may or may not have been
 *   carried out, and the same request may succeed later;
 * - `taken`: the condition of the request does not hold (412): the object exists, or is another;
 * - the others are final.
 */
export type S3FailureReason =
  | 'passing'
  | 'missing-object'
  | 'missing-bucket'
  | 'missing-upload'
  | 'taken'
  | 'past-the-end'
  | 'refused-access'
  | 'no-credentials'
  | 'no-trust'
  | 'other-region'
  | 'not-implemented'
  | 'refused'

/** The SDK's words for an answer without a body, as HEAD has. */
const UNKNOWN_CODES = ['Unknown', 'UnknownError']

/**
 * A failed request in words that are fit for logs. The SDK's own errors carry what a store answers,
 * which can be the key id, the signature and the text that was signed; none of it is kept here.
 */
export class S3Failure extends Error {
  readonly reason: S3FailureReason
  /** The store's word for it (`NoSuchKey`), or the system's (`ECONNRESET`). */
  readonly code: string

  constructor(reason: S3FailureReason, code: string, status?: number) {
    const word = UNKNOWN_CODES.includes(code) ? [] : [code]
    super([...word, ...(status === undefined ? [] : [`status ${status}`])].join(', ') || code)
    this.name = 'S3Failure'
    this.reason = reason
    this.code = code
  }
}

/** The meaning of whatever a request of the SDK threw. */
export function s3FailureOf(error: unknown): S3Failure {
  if (error instanceof S3Failure) return error
  const name = error instanceof Error ? error.name : 'UnknownError'
  const status = statusOf(error)
  if (status === undefined) return failureWithoutAnswer(error, name)
  // An answer of success that could not be read was cut off or garbled on its way.
  if (status < 300) return new S3Failure('passing', safeCode(name), status)
  return new S3Failure(reasonOf(status, name), safeCode(name), status)
}

/** True where the same request may succeed if it is sent again. */
export function isPassing(error: unknown): boolean {
  return error instanceof S3Failure && error.reason === 'passing'
}

/** True where the request failed for this reason. */
export function isS3Failure(error: unknown, reason: S3FailureReason): error is S3Failure {
  return error instanceof S3Failure && error.reason === reason
}

function failureWithoutAnswer(error: unknown, name: string): S3Failure {
  if (/Credentials|TokenProvider/.test(name)) return new S3Failure('no-credentials', name)
  if (error instanceof Error && error.message === 'Region is missing') {
    return new S3Failure('other-region', 'NoRegion')
  }
  const code = systemCode(error)
  if (code !== undefined && DISTRUST.test(code)) return new S3Failure('no-trust', code)
  return new S3Failure('passing', code ?? safeCode(name))
}

/** Node's words for a certificate that is not to be trusted; those of OpenSSL among them. */
const DISTRUST =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|INVALID_CA|HOSTNAME_MISMATCH)/

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const metadata = error.$metadata
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const status = 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined
  return typeof status === 'number' ? status : undefined
}

/** A code is a word. Anything else that came in its place could hold anything. */
function safeCode(name: string): string {
  return /^[A-Za-z0-9]{1,60}$/.test(name) ? name : 'UnknownError'
}

const reasonsOfCodes: Readonly<Record<string, S3FailureReason>> = {
  NoSuchBucket: 'missing-bucket',
  NoSuchUpload: 'missing-upload',
  NotImplemented: 'not-implemented',
  // Damaged on the way to the store, or too slow for it.
  BadDigest: 'passing',
  IncompleteBody: 'passing',
  RequestTimeout: 'passing',
  XAmzContentChecksumMismatch: 'passing',
  XAmzContentSHA256Mismatch: 'passing',
  // The SDK sets its own clock right by the answer.
  RequestTimeTooSkewed: 'passing',
  // Two conditional writes met in the store, which decided for neither.
  ConditionalRequestConflict: 'passing',
  OperationAborted: 'passing',
  ExpiredToken: 'refused-access',
  TokenRefreshRequired: 'refused-access',
  AuthorizationHeaderMalformed: 'other-region',
  PermanentRedirect: 'other-region',
}

const reasonsOfStatuses: Readonly<Record<number, S3FailureReason>> = {
  301: 'other-region',
  307: 'passing',
  401: 'refused-access',
  403: 'refused-access',
  404: 'missing-object',
  408: 'passing',
  412: 'taken',
  416: 'past-the-end',
  429: 'passing',
  501: 'not-implemented',
}

function reasonOf(status: number, code: string): S3FailureReason {
  const known = reasonsOfCodes[code] ?? reasonsOfStatuses[status]
  return known ?? (status >= 500 ? 'passing' : 'refused')
}

/** Kind of the error that a caller of the FileIO sees, and what it tells a person to do. */
const advice: Readonly<Record<S3FailureReason, readonly [ErrorKind, string]>> = {
  passing: ['storage-unavailable', 'the store is away, slow or overloaded: try again'],
  'missing-object': ['corrupt-data', 'the object was deleted or never written'],
  'missing-bucket': ['invalid-input', 'the bucket does not exist: make it, or correct its name'],
  'missing-upload': ['storage-unavailable', 'the store gave up the upload: try again'],
  taken: ['storage-unavailable', 'the object was changed meanwhile: try again'],
  'past-the-end': ['corrupt-data', 'the object is shorter than was promised'],
  'refused-access': [
    'storage-unavailable',
    'the store refuses ACTION to these credentials: check the access key, its secret, the session ' +
      'token, what its policy allows (without the right to list, a missing object looks so too), ' +
      'and the clock of this machine',
  ],
  'no-credentials': [
    'storage-unavailable',
    'no credentials were found: set them in the config or in the environment',
  ],
  'no-trust': [
    'storage-unavailable',
    'the certificate of the store is not trusted by this machine: name the PEM file of the ' +
      'authority that signed it as s3.ca_file in the config, or in NODE_EXTRA_CA_CERTS, and see ' +
      'that the certificate is for the host of the endpoint and not expired',
  ],
  'other-region': ['invalid-input', 'the region is missing or not that of the bucket: set it'],
  'not-implemented': ['unsupported', 'the store cannot do that'],
  refused: ['storage-unavailable', 'the store refuses it: look at its log'],
}

/** Failures after which the whole call may succeed if it is made again. */
const REPEATABLE: readonly S3FailureReason[] = ['passing', 'missing-upload', 'taken']

/** What a request needs, by the words of policies. */
export type S3Action = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject' | 's3:ListBucket'

/** What was asked of a store: where, what did not happen of it, and what a policy has to allow. */
export interface S3Attempt {
  readonly location: string
  /** `could not be read`. */
  readonly what: string
  readonly notDone: string
  readonly action: S3Action
}

/** The error for a caller: what happened, what was not done, and what to do next. */
export function s3Error(attempt: S3Attempt, failure: S3Failure): SluiceError {
  const { location, what, notDone, action } = attempt
  const [kind, next] = advice[failure.reason]
  const told = next.replace('ACTION', action)
  return new SluiceError(kind, `${location} ${what} (${failure.message}). ${notDone}; ${told}.`, {
    cause: failure,
    isRetryable: REPEATABLE.includes(failure.reason),
    context: { location, code: failure.code },
  })
}
