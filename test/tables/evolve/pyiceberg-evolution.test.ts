import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

import type { PartitionChange } from '../../../tables/evolve/partition-change.ts'
import { planPartitionChange } from '../../../tables/evolve/plan-partition-change.ts'
import { planSchemaChange } from '../../../tables/evolve/plan-schema-change.ts'
import { planSortOrderChange } from '../../../tables/evolve/plan-sort-order-change.ts'
import type { SchemaChange } from '../../../tables/evolve/schema-change.ts'
import { fieldsByPath } from '../../../tables/spec/schema-rules.ts'
import {
  parseTableMetadata,
  serializeTableMetadata,
} from '../../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'
import { commitChange, evolvingTable, schemaOf } from './evolved-table.ts'

const schemaChanges: readonly SchemaChange[] = [
  { op: 'add-column', name: 'flags', type: 'long', position: { after: 'symbol' } },
  { op: 'add-column', parent: 'levels', name: 'orders', type: 'int' },
  { op: 'rename-column', column: 'symbol', name: 'ticker' },
  { op: 'widen-column', column: 'size', type: 'long' },
  { op: 'widen-column', column: 'price', type: 'decimal(20, 2)' },
  { op: 'widen-column', column: 'venue.rank', type: 'double' },
  { op: 'make-optional', column: 'venue.name' },
  { op: 'drop-column', column: 'day' },
  { op: 'move-column', column: 'price', position: 'first' },
]

const partitionChanges: readonly PartitionChange[] = [
  { op: 'add-field', column: 'event_ts', transform: 'day' },
  { op: 'add-field', column: 'ticker', transform: 'bucket[16]', name: 'shard' },
]

/** The same table at every step, in one format version. */
function evolved(formatVersion: 1 | 2 | 3): readonly TableMetadata[] {
  const start = evolvingTable({ formatVersion })
  const schema = commitChange(start, planSchemaChange(start, schemaChanges))
  const spec = commitChange(schema, planPartitionChange(schema, partitionChanges))
  const removed = commitChange(
    spec,
    planPartitionChange(spec, [{ op: 'remove-field', name: 'event_ts_day' }]),
  )
  const by = [{ column: 'ticker' }, { column: 'event_ts', direction: 'desc' as const }]
  const sorted = commitChange(removed, planSortOrderChange(removed, by))
  return [start, schema, spec, removed, sorted]
}

await describeWithService('pyiceberg', 'tables that were evolved', () => {
  it('say the same to PyIceberg as to us, and its own say the same to us', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-evolve-'))
    try {
      const tables = new Map(
        ([1, 2, 3] as const).flatMap((version) =>
          evolved(version).map((table, step) => [`v${version}-${step}`, table] as const),
        ),
      )
      const locations: Record<string, string> = {}
      for (const [name, table] of tables) {
        locations[name] = join(folder, `${name}.metadata.json`)
        await writeFile(locations[name], serializeTableMetadata(table))
      }
      const request = join(folder, 'request.json')
      await writeFile(request, JSON.stringify(locations))
      const script = join(import.meta.dirname, 'pyiceberg-evolution.py')
      const { stdout } = await runPython(script, [request, folder])
      const answer = JSON.parse(stdout) as {
        readonly seen: Readonly<Record<string, unknown>>
        readonly made: readonly (Record<string, unknown> & { readonly location: string })[]
      }
      for (const [name, table] of tables) expect(answer.seen[name], name).toEqual(shown(table))
      expect(answer.made).toHaveLength(5)
      for (const { location, ...facts } of answer.made) {
        const text = await readFile(fileURLToPath(location), 'utf8')
        const metadata = parseTableMetadata(text)
        expect(shown(metadata)).toEqual(facts)
        expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

/** What the script prints of a table, from our own reading. */
function shown(metadata: TableMetadata): object {
  const schema = schemaOf(metadata)
  const columns = [...fieldsByPath(schema)].map(([path, { id, type, required }]) => {
    const kind = typeof type === 'string' ? type : 'nested'
    return [path, id, `${kind} ${required ? 'required' : 'optional'}`] as const
  })
  const spec = metadata['partition-specs'].find(
    (one) => one['spec-id'] === metadata['default-spec-id'],
  )
  const order = metadata['sort-orders'].find(
    (one) => one['order-id'] === metadata['default-sort-order-id'],
  )
  const byPath = fieldsByPath(schema)
  const identifiers = new Set(schema['identifier-field-ids'])
  return {
    version: metadata['format-version'],
    columns: columns.sort(([left], [right]) => (left < right ? -1 : 1)),
    order: schema.fields.map((field) => field.name),
    identifier: [...byPath].filter(([, { id }]) => identifiers.has(id)).map(([path]) => path),
    partition: (spec?.fields ?? []).map((field) => [
      field.name,
      field['field-id'],
      field['source-id'],
      field.transform,
    ]),
    sort: (order?.fields ?? []).map((field) => [
      field['source-id'],
      field.transform,
      field.direction,
      field['null-order'],
    ]),
    last_column_id: metadata['last-column-id'],
    last_partition_id: metadata['last-partition-id'],
    specs: metadata['partition-specs'].map((one) => one['spec-id']),
    schemas: metadata.schemas.map((one) => one['schema-id']),
  }
}
