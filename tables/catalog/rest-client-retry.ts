import { NoAnswer, type RestReply, type RestSend } from './rest-client-send.ts'

/** Tries at one request, the first among them. */
export const REST_TRIES_MAX = 5

const FIRST_WAIT_MS = 200
const WAIT_MS_MAX = 5_000
/** A catalog that asks for a longer pause is called again earlier all the same. */
const RETRY_AFTER_MS_MAX = 30_000

/** Statuses after which the same question may be asked again. */
const passingStatuses: ReadonlySet<number> = new Set([408, 500, 502, 503, 504])

/**
 * How long to wait before the same request is sent again; undefined: it is not.
 *
 * 429 says that nothing was done, so everything may be sent again. Other failures leave open
 * whether the request was carried out: then only requests that can be carried out twice are sent
 * again (GET, HEAD, DELETE), and never a commit.
 *
 * @param tries how often it was sent already
 * @param nowMs for a pause that the catalog names as a date
 */
export function retryWaitMs(
  method: RestSend['method'],
  outcome: RestReply | NoAnswer,
  tries: number,
  nowMs: number,
): number | undefined {
  if (tries >= REST_TRIES_MAX) return undefined
  const waitMs = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 1))
  const isRepeatable = method !== 'POST'
  if (outcome instanceof NoAnswer) {
    return isRepeatable || !outcome.wasSent ? waitMs : undefined
  }
  const isPassing = isRepeatable && passingStatuses.has(outcome.status)
  if (outcome.status !== 429 && !isPassing) return undefined
  return retryAfterMs(outcome, nowMs) ?? waitMs
}

/** Seconds or a date, as HTTP has it; bounded. */
function retryAfterMs({ headers }: RestReply, nowMs: number): number | undefined {
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  if (!Number.isFinite(waitMs)) return undefined
  return Math.min(RETRY_AFTER_MS_MAX, Math.max(0, waitMs))
}
