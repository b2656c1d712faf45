import { SluiceError } from '../errors.ts'

/** An answer as it came: the body is text, for JSON with 64-bit numbers is parsed by our own. */
export interface RestReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface RestSend {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

/** No answer came: the network failed, or the time ran out. */
export class NoAnswer extends Error {
  /** False where the request certainly never reached a server. */
  readonly wasSent: boolean

  constructor(reason: string, wasSent: boolean, cause: unknown) {
    super(reason, { cause })
    this.name = 'NoAnswer'
    this.wasSent = wasSent
  }
}

/** Failures of the connection itself: nothing was sent yet. */
const notSentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** The longest answer that is read: metadata of some hundred thousand snapshots. */
const MAX_REPLY_BYTES = 512 * 1024 * 1024

/**
 * Sends one request, once. Redirects are not followed: a browser's rules would turn a commit into
 * a GET, and would carry the token to another host.
 * @throws NoAnswer, and SluiceError `corrupt-data` for an answer that is too long to be one.
 */
export async function sendOnce(request: RestSend): Promise<RestReply> {
  try {
    const answer = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(request.timeoutMs),
      ...(request.body === undefined ? {} : { body: request.body }),
    })
    const sizeBytes = Number(answer.headers.get('content-length') ?? '0')
    if (sizeBytes > MAX_REPLY_BYTES) {
      await answer.body?.cancel()
      throw new SluiceError(
        'corrupt-data',
        `The catalog's answer is ${sizeBytes} bytes long, more than any catalog sends. It was ` +
          'not read; check the URI of the catalog.',
      )
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw noAnswer(error, request.timeoutMs)
  }
}

function noAnswer(error: unknown, timeoutMs: number): NoAnswer {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new NoAnswer(`no answer within ${timeoutMs} ms`, true, error)
  }
  const code = codeOf(error)
  return new NoAnswer(code ?? 'the connection failed', !notSentCodes.has(code ?? ''), error)
}

/** The system's code of a failed fetch; it is in the cause, or in the causes of that one. */
function codeOf(error: unknown): string | undefined {
  let current = error
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    if ('code' in current && typeof current.code === 'string') return current.code
    const [first] = current instanceof AggregateError ? (current.errors as unknown[]) : []
    current = first ?? current.cause
  }
  return undefined
}
