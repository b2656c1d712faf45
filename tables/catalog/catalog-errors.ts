import { isErrorKind, SluiceError } from '../errors.ts'
import { tableKey, type TableIdentifier } from '../spec/table-identifier.ts'

/**
 * The catalog's own refusals. Each carries the name that the Iceberg REST protocol has for it, so
 * that the server can answer with exact types. Source: the REST catalog's OpenAPI description.
 */
export const refusals = [
  'NoSuchTableException',
  'NoSuchViewException',
  'NoSuchNamespaceException',
  'AlreadyExistsException',
  'NamespaceNotEmptyException',
  'NoSuchWarehouseException',
  'UnprocessableEntityException',
  'NotAuthorizedException',
  'ForbiddenException',
] as const

export type Refusal = (typeof refusals)[number]

/** The protocol's name of a refusal, undefined for any other error. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof SluiceError)) return undefined
  return refusals.find((refusal) => refusal === error.context['refusal'])
}

export function noSuchTable(identifier: TableIdentifier): SluiceError {
  return refuse(
    'NoSuchTableException',
    `Table does not exist: ${tableKey(identifier)}. Nothing was changed; list the namespace.`,
  )
}

export function noSuchView(identifier: TableIdentifier): SluiceError {
  return refuse(
    'NoSuchViewException',
    `View does not exist: ${tableKey(identifier)}. Nothing was changed; list the namespace.`,
  )
}

export function tableExists(identifier: TableIdentifier): SluiceError {
  return conflict(
    `Table already exists: ${tableKey(identifier)}. Nothing was created; load it, or use ` +
      'another name.',
  )
}

/** A commit whose requirement is `assert-create`, and the table is there. */
export function alreadyCreated(identifier: TableIdentifier): SluiceError {
  return conflict(
    `Requirement failed: table already exists. Table already exists: ${tableKey(identifier)}. ` +
      'Nothing was created; load it, or use another name.',
  )
}

export function viewExists(identifier: TableIdentifier): SluiceError {
  return conflict(
    `View already exists: ${tableKey(identifier)}. Nothing was created; load it, or use ` +
      'another name.',
  )
}

/** A name that one of the other sort has: tables and views share their names. */
export function otherSortExists(sort: 'Table' | 'View', identifier: TableIdentifier): SluiceError {
  return conflict(
    `${sort} with same name already exists: ${tableKey(identifier)}. Nothing was created; use ` +
      'another name.',
  )
}

export function renameTargetExists(
  sort: 'Table' | 'View',
  from: TableIdentifier,
  to: TableIdentifier,
): SluiceError {
  return conflict(
    `Cannot rename ${tableKey(from)} to ${tableKey(to)}. ${sort} already exists: ` +
      `${tableKey(to)}. Nothing was renamed; use another name.`,
  )
}

export function noSuchNamespace(namespace: readonly string[]): SluiceError {
  // Clients compare what the protocol says, to the letter.
  const said = `Namespace does not exist: ${namespace.join('.')}`
  return new SluiceError('invalid-input', `${said}. Nothing was changed; create it first.`, {
    context: { refusal: 'NoSuchNamespaceException', said },
  })
}

export function namespaceExists(namespace: readonly string[]): SluiceError {
  return conflict(
    `Namespace already exists: ${namespace.join('.')}. Nothing was created; use it as it is.`,
  )
}

export function namespaceNotEmpty(namespace: readonly string[]): SluiceError {
  return refuse(
    'NamespaceNotEmptyException',
    `Namespace ${namespace.join('.')} is not empty. It was not dropped; drop what is in it first.`,
  )
}

/** What a catalog says that commits one table at a time. */
export function notAtomic(tableCount: number): SluiceError {
  return new SluiceError(
    'unsupported',
    `${tableCount} tables cannot be committed at one instant by this catalog. Nothing was ` +
      'committed; commit one table at a time, or, where the catalog is known to be atomic, say ' +
      'so (atomicTransactions: advertised).',
  )
}

/** A refusal that has only its name and its text. */
export function refuse(refusal: Refusal, message: string): SluiceError {
  return new SluiceError('invalid-input', message, { context: { refusal } })
}

function conflict(message: string): SluiceError {
  return new SluiceError('commit-conflict', message, {
    context: { refusal: 'AlreadyExistsException' },
  })
}

/** True where a file that a pointer names is not there. */
export function isMissingFile(error: unknown): error is SluiceError {
  return isErrorKind(error, 'corrupt-data') && error.context['reason'] === 'missing-file'
}
