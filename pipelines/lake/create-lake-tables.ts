import type { Catalog } from '../../tables/catalog/catalog.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { tableSchemaOf } from '../../tables/spec/table-schema-of.ts'

/** Iceberg's format version of a lake's tables: 3 has deletion vectors and row ids. */
export type LakeFormatVersion = 2 | 3

/**
 * Makes every table of the lake that is not there yet. Safe to call again after a crash between
 * two of them: what exists stays as it is, in the format version and at the place that it has.
 */
export async function createLakeTables(
  catalog: Catalog,
  tables: readonly TableDefinition[],
  formatVersion: LakeFormatVersion = 2,
  locationOf: (namespace: string) => string | undefined = () => undefined,
): Promise<void> {
  const namespaces = new Set((await catalog.listNamespaces()).map((levels) => levels.join('.')))
  for (const definition of tables) {
    const identifier = tableId(definition.name)
    const namespace = identifier.namespace.join('.')
    if (!namespaces.has(namespace)) {
      const location = locationOf(namespace)
      await catalog.createNamespace(
        identifier.namespace,
        location === undefined ? {} : { location },
      )
      namespaces.add(namespace)
    }
    if ((await catalog.loadTable(identifier)) !== undefined) continue
    const { schema, partitionSpec, sortOrder } = tableSchemaOf(definition)
    await catalog.createTable(identifier, {
      schema,
      partitionSpec,
      sortOrder,
      properties: lakeTableProperties(definition),
      formatVersion,
    })
  }
}

/** What a table is made with; somebody may change the values later. */
export function lakeTableProperties(definition: TableDefinition): Readonly<Record<string, string>> {
  return {
    comment: definition.doc,
    'write.parquet.compression-codec': 'zstd',
    'write.metadata.delete-after-commit.enabled': 'false',
    'write.metadata.previous-versions-max': '20',
  }
}
