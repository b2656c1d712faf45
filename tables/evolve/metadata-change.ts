import { SluiceError } from '../errors.ts'
import type { Schema } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableRequirement, TableUpdate } from '../spec/table-update.ts'

/** What a commit must demand and say for a change of metadata; both empty where nothing changes. */
export interface MetadataChange {
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

export const noChange: MetadataChange = { requirements: [], updates: [] }

/** A planned change that breaks a rule: nothing of it is in the plan. */
export function refused(what: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${what}. Nothing was changed; correct the change and try again.`,
  )
}

export function currentSchema(metadata: TableMetadata): Schema {
  const id = metadata['current-schema-id']
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === id)
  if (schema === undefined) throw refused(`The table has no schema of its current id ${id}`)
  return schema
}
