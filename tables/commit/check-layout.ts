import { isTransformable } from '../spec/partition-transform.ts'
import { findFieldById } from '../spec/schema-fields.ts'
import { invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

/** The transforms that this version can judge; others are their engine's own affair. */
const knownForm = /^(identity|year|month|day|hour|(bucket|truncate)\[[1-9]\d*\])$/

/**
 * Rows to come must be partitioned and sorted by columns that the current schema has, in types
 * that the transforms take. Older specs may name columns that are gone.
 */
export function checkLayout(draft: MetadataDraft): void {
  const table = draft.metadata
  const schema = table.schemas.find((one) => one['schema-id'] === table['current-schema-id'])
  const spec = table['partition-specs'].find((one) => one['spec-id'] === table['default-spec-id'])
  const order = table['sort-orders'].find(
    (one) => one['order-id'] === table['default-sort-order-id'],
  )
  const check = (sourceId: number, transform: string, what: string) => {
    if (schema === undefined || !knownForm.test(transform)) return
    const column = findFieldById(schema, sourceId)
    if (column === undefined) throw invalidUpdate(`Cannot find source column for ${what}`)
    if (isTransformable(transform as 'day', column.type)) return
    const type = typeof column.type === 'string' ? column.type : column.type.type
    throw invalidUpdate(`Invalid source type ${type} for transform: ${transform} (${what})`)
  }
  for (const { name, transform, 'source-id': sourceId } of spec?.fields ?? []) {
    check(sourceId, transform, `partition field: ${name}`)
  }
  for (const { transform, 'source-id': sourceId } of order?.fields ?? []) {
    check(sourceId, transform, `sort field: ${transform}(id ${sourceId})`)
  }
}
