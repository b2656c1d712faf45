import { isErrorKind, SluiceError } from '../errors.ts'
import { stringifyJson } from '../spec/json.ts'
import { isMissingFile, type Refusal, refusalOf } from './catalog-errors.ts'
import type { RestAnswer } from './rest-server-answers.ts'
import { MALFORMED } from './rest-server-schemas.ts'

const refusalStatus: Readonly<Record<Refusal, number>> = {
  NoSuchTableException: 404,
  NoSuchViewException: 404,
  NoSuchNamespaceException: 404,
  NoSuchWarehouseException: 404,
  AlreadyExistsException: 409,
  NamespaceNotEmptyException: 409,
  UnprocessableEntityException: 422,
  NotAuthorizedException: 401,
  ForbiddenException: 403,
}

/** The error model of the REST protocol; the status is in the body too, and clients read that. */
export function errorAnswer(code: number, type: string, message: string): RestAnswer {
  return { status: code, json: stringifyJson({ error: { message, type, code, stack: [] } }) }
}

/**
 * The answer to a failure. A client takes a 5xx on a commit for "it may have landed" and keeps its
 * files, and a 4xx for "it did not"; so on a commit a certain failure is never a 5xx.
 */
export function failureAnswer(error: unknown, isCommit: boolean): RestAnswer {
  const refusal = refusalOf(error)
  if (refusal !== undefined) {
    return errorAnswer(refusalStatus[refusal], refusal, saidBy(error))
  }
  if (isMissingFile(error)) return errorAnswer(404, 'NotFoundException', missingFileText(error))
  if (error instanceof SluiceError) return kindAnswer(error, isCommit)
  const status = clientFaultStatus(error)
  if (status !== undefined) return errorAnswer(status, clientFaultType(status), messageOf(error))
  return errorAnswer(
    500,
    'InternalServerError',
    'The catalog failed in a way that it does not know. Whether anything was changed is not ' +
      'known; load it again.',
  )
}

function kindAnswer(error: SluiceError, isCommit: boolean): RestAnswer {
  const { message } = error
  if (isErrorKind(error, 'commit-conflict')) {
    return errorAnswer(409, 'CommitFailedException', message)
  }
  if (isErrorKind(error, 'commit-state-unknown')) {
    return errorAnswer(500, 'CommitStateUnknownException', message)
  }
  if (isErrorKind(error, 'invalid-input')) return errorAnswer(400, badInputType(error), message)
  if (isErrorKind(error, 'unsupported')) {
    return errorAnswer(406, 'UnsupportedOperationException', message)
  }
  if (isCommit) return errorAnswer(409, 'CommitFailedException', message)
  if (isErrorKind(error, 'storage-unavailable')) {
    return errorAnswer(503, 'ServiceUnavailableException', message)
  }
  return errorAnswer(500, 'InternalServerError', message)
}

/** A request that cannot be read, or one that asks for what the rules of the format forbid. */
function badInputType(error: SluiceError): string {
  return error.context['reason'] === MALFORMED ? 'BadRequestException' : 'IllegalArgumentException'
}

function clientFaultType(status: number): string {
  return status === 429 ? 'TooManyRequestsException' : 'BadRequestException'
}

/** The words of the protocol where clients compare them, else all that the error says. */
function saidBy(error: unknown): string {
  const said = error instanceof SluiceError ? error.context['said'] : undefined
  return typeof said === 'string' ? said : messageOf(error)
}

/** Clients look for these words. */
function missingFileText(error: SluiceError): string {
  const location = String(error.context['location'] ?? '')
  return `Failed to open input stream for file: ${location}. ${error.message}`
}

/** What the HTTP layer itself refuses: a body that is too large, a content type, a bad URL. */
function clientFaultStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const { statusCode } = error
  const isClientFault = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
  return isClientFault ? statusCode : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
