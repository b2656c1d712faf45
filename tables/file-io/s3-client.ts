import { rootCertificates } from 'node:tls'

import { S3Client } from '@aws-sdk/client-s3'

import type { IdSource } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { retryWithBackoff } from './retry-with-backoff.ts'
import type { RetryContext } from './retry-with-backoff.ts'
import { isPassing, s3FailureOf } from './s3-failure.ts'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** How to reach a store. All of it is optional: AWS itself is found by the SDK's own settings. */
export interface S3ConnectionOptions {
  /** `http://127.0.0.1:9000`; AWS where it is left out. */
  readonly endpoint?: string | undefined
  /** `us-east-1` with an endpoint, else what the SDK finds (AWS_REGION, profile). */
  readonly region?: string | undefined
  /**
   * Whether buckets stand in the path (endpoint/bucket/key) and not in the host's name
   * (bucket.endpoint/key). True with an endpoint, else false.
   */
  readonly isPathStyle?: boolean | undefined
  /** What the SDK's chain finds where they are left out: environment, profile, role. */
  readonly credentials?: S3Credentials | undefined
  /** PEM text of authorities to trust for https, beside the known ones. */
  readonly authorities?: string | undefined
  /** A connection that is not there by then is given up. Default 5 s. */
  readonly connectTimeoutMs?: number | undefined
  /** A connection on which nothing moves for so long is given up. Default 30 s. */
  readonly idleTimeoutMs?: number | undefined
  /** Requests under way at once; more wait for their turn. Default 48. */
  readonly requestsMax?: number | undefined
}

/** Sends requests to one store, each of them repeated while its failures are of a passing kind. */
export interface S3Requests {
  /**
   * Runs `request`, as often as it takes, and with not too many others at once. It may read the
   * body of an answer: a body that breaks off is asked for again. Throws S3Failure.
   */
  send<T>(request: (client: S3Client, tryNumber: number) => Promise<T>): Promise<T>
  readonly ids: IdSource
  /** Closes its connections; nothing may be sent afterwards. */
  close(): void
}

const CONNECT_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 30_000
const REQUESTS_MAX = 48

/** @throws SluiceError `invalid-input` for an endpoint that is no plain address. */
export function createS3Requests(options: S3ConnectionOptions, retry: RetryContext): S3Requests {
  const client = createClient(options)
  const takeTurn = createTurns(options.requestsMax ?? REQUESTS_MAX)
  return {
    ids: retry.ids,
    send: (request) =>
      retryWithBackoff(retry, isPassing, (tryNumber) =>
        takeTurn(async () => {
          try {
            return await request(client, tryNumber)
          } catch (error) {
            throw error instanceof SluiceError ? error : s3FailureOf(error)
          }
        }),
      ),
    close: () => client.destroy(),
  }
}

function createClient(options: S3ConnectionOptions): S3Client {
  const { endpoint, credentials, requestsMax = REQUESTS_MAX } = options
  const isOwnStore = endpoint !== undefined
  const region = options.region ?? (isOwnStore ? 'us-east-1' : undefined)
  return new S3Client({
    ...(isOwnStore ? { endpoint: checkedEndpoint(endpoint) } : {}),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials: sdkCredentials(credentials) }),
    forcePathStyle: options.isPathStyle ?? isOwnStore,
    // A server or proxy that does not know `Expect: 100-continue` would cost 6 s a file, and one
    // that does a new connection.
    expectContinueHeader: false,
    // Requests are repeated in one place alone, which knows what a lost answer can mean.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      socketTimeout: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
      // The turns see to it that no request waits for a socket, where it would time out.
      httpAgent: { keepAlive: true, maxSockets: requestsMax },
      httpsAgent: { keepAlive: true, maxSockets: requestsMax, ...trustOf(options) },
    },
    // What the SDK would log is said by the errors, without the headers of requests.
    logger: silent,
  })
}

/** Naming an authority would else take the trust away from all others. */
function trustOf({ authorities }: S3ConnectionOptions): { readonly ca?: string[] } {
  return authorities === undefined ? {} : { ca: [...rootCertificates, authorities] }
}

function sdkCredentials({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  const token = sessionToken === undefined ? {} : { sessionToken }
  return { accessKeyId, secretAccessKey, ...token }
}

const say = (): void => undefined
const silent = { trace: say, debug: say, info: say, warn: say, error: say }

function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.username === '' && url.password === ''
  if (isPlain && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return text
  // The text itself is not repeated: a password may be in it.
  throw new SluiceError(
    'invalid-input',
    'The endpoint of the S3 store is not an http: or https: address without user, query and ' +
      'fragment. Nothing was sent; write it like http://127.0.0.1:9000.',
  )
}

/** Lets `countMax` run at once; the others wait in the order in which they came. */
function createTurns(countMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let runningCount = 0
  return async (work) => {
    if (runningCount >= countMax) await new Promise<void>((resolve) => waiting.push(resolve))
    else runningCount += 1
    try {
      return await work()
    } finally {
      // The place is handed on, so that none who came later takes it first.
      const next = waiting.shift()
      if (next === undefined) runningCount -= 1
      else next()
    }
  }
}
