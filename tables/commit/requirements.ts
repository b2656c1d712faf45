import { SluiceError } from '../errors.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableRequirement } from '../spec/table-update.ts'

/**
 * Checks what a commit demands of the table (undefined: there is none). Pure.
 * Throws `commit-conflict` where a requirement is not met, `invalid-input` where it is unknown, or
 * `assert-create` is not alone. The texts are those that clients of the REST catalog look for.
 */
export function checkRequirements(
  metadata: TableMetadata | undefined,
  requirements: readonly TableRequirement[],
): void {
  const isCreate = requirements.some((requirement) => requirement.type === 'assert-create')
  if (isCreate && requirements.some((requirement) => requirement.type !== 'assert-create')) {
    throw new SluiceError(
      'invalid-input',
      'Invalid create requirements: assert-create must be alone. Nothing was committed; ' +
        'leave out the others.',
    )
  }
  for (const requirement of requirements) checkRequirement(metadata, requirement)
}

function checkRequirement(
  metadata: TableMetadata | undefined,
  requirement: TableRequirement,
): void {
  if (requirement.type === 'assert-create') {
    if (metadata !== undefined) throw failed('table already exists')
    return
  }
  if (metadata === undefined) throw failed('table does not exist')
  switch (requirement.type) {
    case 'assert-table-uuid':
      return checkUuid(metadata['table-uuid'], requirement.uuid)
    case 'assert-ref-snapshot-id':
      return checkRef(metadata, requirement.ref, requirement['snapshot-id'])
    case 'assert-last-assigned-field-id':
      return checkId(
        'last assigned field id',
        requirement['last-assigned-field-id'],
        metadata['last-column-id'],
      )
    case 'assert-current-schema-id':
      return checkId(
        'current schema',
        requirement['current-schema-id'],
        metadata['current-schema-id'],
      )
    case 'assert-last-assigned-partition-id':
      return checkId(
        'last assigned partition id',
        requirement['last-assigned-partition-id'],
        metadata['last-partition-id'],
      )
    case 'assert-default-spec-id':
      return checkId(
        'default partition spec',
        requirement['default-spec-id'],
        metadata['default-spec-id'],
      )
    case 'assert-default-sort-order-id':
      return checkId(
        'default sort order',
        requirement['default-sort-order-id'],
        metadata['default-sort-order-id'],
      )
    default:
      return refuseUnknown(requirement)
  }
}

function checkUuid(actual: string, expected: string): void {
  if (actual.toLowerCase() !== expected.toLowerCase()) {
    throw failed(`UUID does not match: expected ${actual} != ${expected}`)
  }
}

function checkRef(metadata: TableMetadata, name: string, expected: bigint | null): void {
  const ref = metadata.refs[name]
  if (ref === undefined) {
    if (expected === null) return
    throw failed(`branch or tag ${name} is missing, expected ${expected}`)
  }
  if (expected === null) throw failed(`${ref.type} ${name} was created concurrently`)
  if (ref['snapshot-id'] !== expected) {
    throw failed(
      `${ref.type} ${name} has changed: expected id ${expected} != ${ref['snapshot-id']}`,
    )
  }
}

function checkId(what: string, expected: number, actual: number): void {
  if (expected !== actual) throw failed(`${what} changed: expected id ${expected} != ${actual}`)
}

function failed(reason: string): SluiceError {
  return new SluiceError(
    'commit-conflict',
    `Requirement failed: ${reason}. Nothing was committed; ` +
      'load the table again and stage the change on its newest state.',
  )
}

/** Requirements come from the network too: one that is not in the type must never be skipped. */
function refuseUnknown(requirement: never): never {
  const { type } = requirement as { readonly type?: unknown }
  throw new SluiceError(
    'invalid-input',
    `Unknown requirement: ${String(type)}. Nothing was committed; correct the request.`,
  )
}
