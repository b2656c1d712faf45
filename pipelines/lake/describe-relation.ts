import { createTableLookup } from '../../tables/query/table-lookup.ts'
import { describeTable, type TableDescription } from './describe-table.ts'
import { describeView, type ViewDescription } from './describe-view.ts'
import type { Lake } from './lake.ts'

/** What a name stands for. */
export type RelationDescription =
  ({ readonly kind: 'table' } & TableDescription) | ({ readonly kind: 'view' } & ViewDescription)

/**
 * A table or a view by its dotted name, or by its bare one where it is the only such.
 * @throws SluiceError `invalid-input` for a name that is neither.
 */
export async function describeRelation(lake: Lake, name: string): Promise<RelationDescription> {
  const levels = name.split('.')
  const lookup = createTableLookup(lake.catalog)
  const found = await lookup.find(levels.slice(0, -1), levels.at(-1) ?? '')
  return found.kind === 'table'
    ? { kind: 'table', ...describeTable(lake, found.table) }
    : { kind: 'view', ...describeView(lake, found.view) }
}
