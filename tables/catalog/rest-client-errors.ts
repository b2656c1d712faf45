import { z } from 'zod'

import { type ErrorKind, SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import { type Refusal, refusals } from './catalog-errors.ts'
import type { NoAnswer, RestReply } from './rest-client-send.ts'

/** What a request is, for its failures. */
export interface RestPurpose {
  /** `the commit to gold.bars` */
  readonly what: string
  /** Whether it changes something, so that a lost answer leaves an unknown outcome. */
  readonly hasEffect: boolean
}

const errorBody = z.object({
  error: z.looseObject({ message: z.string().nullish(), type: z.string().nullish() }),
})

interface ErrorModel {
  readonly message: string
  readonly type: string | undefined
}

const MESSAGE_LENGTH_MAX = 1_000

/**
 * A refusal of the catalog as our own error. What a 4xx refuses was certainly not done; after a
 * 5xx a change may have been made (only that of 429 was not).
 */
export function refusedBy(reply: RestReply, { what, hasEffect }: RestPurpose): SluiceError {
  const model = readErrorModel(reply)
  const { status } = reply
  const said = `${what}: the catalog answered ${status}: ${model.message}`
  if (status === 408 || (status >= 500 && status !== 501)) {
    return hasEffect ? outcomeUnknown(what, said) : unavailable(said)
  }
  if (status === 429) return unavailable(said)
  if (status >= 300 && status < 400) {
    return new SluiceError(
      'invalid-input',
      `${said}. Nothing was done; redirects are not followed: use the URI that it points at.`,
    )
  }
  const refusal = refusalIn(status, model)
  const kind = kindOf(status, refusal, model)
  return new SluiceError(kind, withAdvice(said, kind, refusal), {
    isRetryable: kind === 'commit-conflict' && refusal === undefined,
    context: {
      status,
      ...(refusal === undefined ? {} : { refusal }),
      ...(model.type === 'NotFoundException' ? { reason: 'missing-file' } : {}),
    },
  })
}

/** No answer came. */
export function unanswered(failure: NoAnswer, { what, hasEffect }: RestPurpose): SluiceError {
  const said = `${what}: the catalog gave no answer (${failure.message})`
  const isUnknown = hasEffect && failure.wasSent
  return isUnknown ? outcomeUnknown(what, said, failure) : unavailable(said, failure)
}

/** An answer that is no answer of a catalog. */
export function unreadable(
  cause: unknown,
  { what, hasEffect }: RestPurpose,
  hint: string,
): SluiceError {
  const said = `${what}: the catalog's answer is not what the protocol promises (${hint})`
  if (hasEffect) return outcomeUnknown(what, said, cause)
  return new SluiceError(
    'corrupt-data',
    `${said}. Nothing of it was used; check the URI of the catalog, and what stands before it.`,
    { cause },
  )
}

/** What this catalog does not offer; nothing was sent. */
export function notOffered(what: string, endpoint: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `${what}: the catalog does not offer "${endpoint}". Nothing was sent; use a catalog that does.`,
    { context: { endpoint } },
  )
}

/** The error model of the protocol, as far as the answer has it. */
function readErrorModel(reply: RestReply): ErrorModel {
  try {
    const { error } = errorBody.parse(parseJson(reply.text))
    const message = error.message ?? error.type ?? 'no message'
    return { message: message.slice(0, MESSAGE_LENGTH_MAX), type: error.type ?? undefined }
  } catch {
    // A proxy's page, or nothing at all: an answer to HEAD never has a body.
    return { message: reply.text === '' ? 'no message' : 'a text of no catalog', type: undefined }
  }
}

function refusalIn(status: number, model: ErrorModel): Refusal | undefined {
  if (status === 401 || status === 419) return 'NotAuthorizedException'
  if (status === 403) return 'ForbiddenException'
  if (status === 422) return 'UnprocessableEntityException'
  // Catalogs spell some of them in ways of their own (NoSuchIcebergTableException).
  const type = model.type?.replace('Iceberg', '')
  return refusals.find((refusal) => refusal === type)
}

function kindOf(status: number, refusal: Refusal | undefined, model: ErrorModel): ErrorKind {
  if (refusal === 'AlreadyExistsException') return 'commit-conflict'
  if (refusal !== undefined) return 'invalid-input'
  if (status === 409 || status === 412) return 'commit-conflict'
  if (status === 405 || status === 406 || status === 501) return 'unsupported'
  return model.type === 'NotFoundException' && status === 404 ? 'corrupt-data' : 'invalid-input'
}

function withAdvice(said: string, kind: ErrorKind, refusal: Refusal | undefined): string {
  // A Sluice that serves the catalog has said it all.
  if (/\bNothing (of it )?was\b|\bwas not\b/.test(said)) return said
  const advice =
    refusal === 'NotAuthorizedException' || refusal === 'ForbiddenException'
      ? 'check the token or the credential of the catalog, and what it may do'
      : kind === 'commit-conflict' && refusal === undefined
        ? 'load the table again and stage the change on its newest state'
        : kind === 'unsupported'
          ? 'use a catalog that does'
          : 'correct the request'
  return `${said}. Nothing was changed; ${advice}.`
}

function outcomeUnknown(what: string, said: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'commit-state-unknown',
    `${said}. Whether ${what} was done is not known; no file was deleted. Load it again and look.`,
    { cause },
  )
}

function unavailable(said: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'storage-unavailable',
    `${said}. Nothing was changed; see to the catalog and try again.`,
    { cause, isRetryable: true },
  )
}
