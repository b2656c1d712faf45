import { HEAD_TAG } from '../../tables/spec/cut-history.ts'
import { tableSchemaOf } from '../../tables/spec/table-schema-of.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { currentSchema } from '../../tables/write/current-layout.ts'
import { lakeTableProperties } from '../lake/create-lake-tables.ts'
import type { CheckResult, Finding } from './finding.ts'
import type { PinnedLake, PinnedTable } from './pin-lake.ts'

/**
 * Whether every table of the lake is there with the columns of its definition (by field id, name
 * and type; columns of others may stand beside them), its properties, and the tag that holds its
 * last own snapshot.
 */
export function checkTables(pinned: PinnedLake): CheckResult {
  const findings: Finding[] = [...pinned.findings]
  for (const definition of pinned.lake.model.tables) {
    const table = pinned.tables.get(definition.name)
    if (table === undefined) continue
    findings.push(...columnFindings(definition, table), ...propertyFindings(definition, table))
    findings.push(...tagFindings(pinned, table))
  }
  const checkedCount = pinned.lake.model.tables.length
  return { name: 'tables', checkedCount, unit: 'tables', findings, notes: [] }
}

function columnFindings(definition: TableDefinition, { name, loaded }: PinnedTable): Finding[] {
  const held = new Map(currentSchema(loaded.metadata).fields.map((field) => [field.id, field]))
  const wrong = tableSchemaOf(definition).schema.fields.filter((field) => {
    const found = held.get(field.id)
    return found === undefined || found.name !== field.name || found.type !== field.type
  })
  if (wrong.length === 0) return []
  return [
    {
      ...{ check: 'tables', kind: 'corrupt-data', table: name },
      what: `The columns ${wrong.map((field) => field.name).join(', ')} are not as Sluice made them: gone, renamed or of another type.`,
      advice: `Undo the change with the engine that made it, or by \`sluice alter ${name}\`.`,
    },
  ]
}

function propertyFindings(definition: TableDefinition, { name, loaded }: PinnedTable): Finding[] {
  const { properties } = loaded.metadata
  const lost = Object.entries(lakeTableProperties(definition)).filter(
    ([key]) => key.startsWith('write.') && properties[key] === undefined,
  )
  return lost.map(([key, value]) => ({
    ...{ check: 'tables', kind: 'corrupt-data', table: name },
    what: `The property ${key} is gone: other engines now write to the table by their own default.`,
    advice: `Set ${key} to ${value} again with an engine that sets properties.`,
  }))
}

/** Each table that a cut touched has the tag: without it foreign expiry may take the snapshot. */
function tagFindings({ cut }: PinnedLake, { name, loaded, pinned }: PinnedTable): Finding[] {
  const { refs } = loaded.metadata
  if (cut === undefined || pinned.metadata['current-snapshot-id'] === undefined) return []
  if (refs[HEAD_TAG] !== undefined || !cut.heads.has(name)) return []
  return [
    {
      ...{ check: 'tables', kind: 'corrupt-data', table: name, cut: cut.cutNumber },
      what: `The tag ${HEAD_TAG} is gone: nothing holds the last snapshot of Sluice when others expire snapshots.`,
      advice: 'Start `sluice live`: its next cut on the table sets the tag again.',
    },
  ]
}
