import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomIds } from '../../../tables/clock.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import type { Engine, Session } from '../../../tables/engine/engine.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { IcebergType, Schema } from '../../../tables/spec/schema.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { WriteContext } from '../../../tables/write/write-context.ts'

/** An engine, a session and a folder of their own for one suite. */
export interface Workshop extends WriteContext {
  readonly engine: Engine
  readonly session: Session
  readonly location: string
  close(): Promise<void>
}

/** @param name what its folder's name begins with */
export async function openWorkshop(name = 'sluice-write-'): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), name))
  const scratchDir = join(root, 'scratch')
  const engine = await createEngine({ scratchDir })
  const session = await engine.connect()
  return {
    engine,
    session,
    fileIO: createLocalFileIO(),
    ids: randomIds,
    scratchDir,
    location: locationOfPath(join(root, 'warehouse')),
    close: async () => {
      session.close()
      await engine.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

export interface SampleTable {
  readonly location: string
  readonly columns: Readonly<Record<string, IcebergType>>
  readonly required?: readonly string[]
  readonly partition?: readonly (readonly [column: string, transform: PartitionTransform])[]
  readonly sort?: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  /** Default 2. */
  readonly formatVersion?: 2 | 3
}

/** Metadata of a table without snapshots; field ids count from 1 in the order of the columns. */
export function sampleTable(sample: SampleTable): TableMetadata {
  const names = Object.keys(sample.columns)
  const schema: Schema = {
    type: 'struct',
    'schema-id': 0,
    fields: Object.entries(sample.columns).map(([name, type], index) => ({
      id: index + 1,
      name,
      required: sample.required?.includes(name) ?? false,
      type,
    })),
  }
  return createTableMetadata({
    uuid: randomIds.uuid(),
    location: sample.location,
    schema,
    partitionSpec: {
      'spec-id': 0,
      fields: (sample.partition ?? []).map(([column, transform], index) => ({
        'source-id': names.indexOf(column) + 1,
        'field-id': 1000 + index,
        name: transform === 'identity' ? column : `${column}_${transform.replace(/\W.*/, '')}`,
        transform,
      })),
    },
    sortOrder: {
      'order-id': 1,
      fields: (sample.sort ?? []).map((column) => ({
        transform: 'identity',
        'source-id': names.indexOf(column) + 1,
        direction: 'asc',
        'null-order': 'nulls-first',
      })),
    },
    properties: sample.properties ?? {},
    formatVersion: sample.formatVersion ?? 2,
    nowMs: 0,
  })
}
