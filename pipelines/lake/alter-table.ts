import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { tableOf } from '../../tables/commit/fence.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { PartitionChange } from '../../tables/evolve/partition-change.ts'
import { planPartitionChange } from '../../tables/evolve/plan-partition-change.ts'
import { planSchemaChange } from '../../tables/evolve/plan-schema-change.ts'
import { planSortOrderChange, type SortBy } from '../../tables/evolve/plan-sort-order-change.ts'
import type { SchemaChange } from '../../tables/evolve/schema-change.ts'
import { commitFenced, type UpdatePlan } from '../../tables/maintain/commit-fenced.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { checkAlteration } from './check-alteration.ts'
import { CUTS_TABLE, lakeCommitContext, readFence } from './lake-commit-context.ts'
import type { Lake } from './lake.ts'

/** A change to what a table is; no data file is written again for it. */
export type Alteration =
  | { readonly kind: 'schema'; readonly change: SchemaChange }
  | { readonly kind: 'partition'; readonly change: PartitionChange }
  | { readonly kind: 'sort'; readonly sortBy: readonly SortBy[] }
  | { readonly kind: 'set'; readonly properties: Readonly<Record<string, string>> }
  | { readonly kind: 'unset'; readonly names: readonly string[] }

export interface AlteredTable {
  readonly table: string
  /** False where the table was so already. */
  readonly isChanged: boolean
  readonly schemaId: number
  readonly specId: number
  readonly sortOrderId: number
}

/**
 * Changes one table of the lake's catalog: its columns, how rows to come are partitioned and
 * sorted, its properties. Tables of the lake itself keep what the loop works with.
 * @throws SluiceError `invalid-input` for a table that is not there, and a change that breaks a
 * rule of Iceberg or the lake's own work.
 */
export async function alterTable(
  lake: Lake,
  name: string,
  alteration: Alteration,
): Promise<AlteredTable> {
  const identifier = tableId(name)
  if ((await lake.catalog.loadTable(identifier)) === undefined) {
    throw new SluiceError(
      'invalid-input',
      `There is no table ${name}. Nothing was changed. \`sluice tables\` shows the lake's tables.`,
    )
  }
  checkAlteration(lake, name, alteration)
  const { result, tables } = await commitFenced<LoadedTable>(lakeCommitContext(lake), {
    what: `the change of ${name}`,
    cutsTable: CUTS_TABLE,
    identifiers: [identifier],
    afterCut: await readFence(lake),
    stage: (loaded) => {
      const table = tableOf(loaded, identifier)
      return {
        commits: [{ identifier, ...planAlteration(table.metadata, alteration) }],
        result: table,
      }
    },
  })
  const { metadata } = tables.get(name) ?? result
  return {
    table: name,
    isChanged: tables.size > 0,
    schemaId: metadata['current-schema-id'],
    specId: metadata['default-spec-id'],
    sortOrderId: metadata['default-sort-order-id'],
  }
}

/** The commit that makes the change; no update where the table is so already. */
export function planAlteration(metadata: TableMetadata, alteration: Alteration): UpdatePlan {
  switch (alteration.kind) {
    case 'schema':
      return planSchemaChange(metadata, [alteration.change])
    case 'partition':
      return planPartitionChange(metadata, [alteration.change])
    case 'sort':
      return planSortOrderChange(metadata, alteration.sortBy)
    case 'set': {
      const { properties } = alteration
      const isSet = Object.entries(properties).every(
        ([key, value]) => metadata.properties[key] === value,
      )
      return planned(metadata, isSet ? [] : [{ action: 'set-properties', updates: properties }])
    }
    case 'unset': {
      const removals = alteration.names.filter((name) => metadata.properties[name] !== undefined)
      const isUnset = removals.length === 0
      return planned(metadata, isUnset ? [] : [{ action: 'remove-properties', removals }])
    }
  }
}

function planned(metadata: TableMetadata, updates: UpdatePlan['updates']): UpdatePlan {
  return {
    requirements: [{ type: 'assert-table-uuid', uuid: metadata['table-uuid'] }],
    updates,
  }
}
