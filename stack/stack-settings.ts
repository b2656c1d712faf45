import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HdfsPorts } from './hdfs-settings.ts'
import { cacheFolder } from './install-once.ts'

/** In the order in which they are started. */
export const stackServiceNames = ['minio', 'hdfs', 'kafka', 'trino'] as const
export type StackServiceName = (typeof stackServiceNames)[number]

/** All ports of the stack on 127.0.0.1; docker-compose.yml publishes the same. */
export interface StackPorts {
  readonly kafka: { readonly broker: number; readonly controller: number }
  readonly minio: number
  readonly hdfs: HdfsPorts
  readonly trino: number
  /** Where `sluice live` and `sluice catalog` serve: not started here, but Trino asks it. */
  readonly catalog: number
}

export const stackPorts: StackPorts = {
  kafka: { broker: 9092, controller: 9093 },
  minio: 9000,
  hdfs: {
    nameNodeRpc: 8020,
    nameNodeHttp: 9870,
    dataNodeHttp: 9864,
    dataNodeTransfer: 9866,
    dataNodeIpc: 9867,
  },
  trino: 8080,
  catalog: 8181,
}

/** What `warehouse: s3://sluice-lake/…` names; minio/lake-policy.json grants it and no other. */
export const STACK_BUCKET = 'sluice-lake'
/** Name of the policy on the server. */
export const STACK_POLICY = 'sluice-lake'
/** How Trino calls the lake: `sluice.gold.bars`. */
export const STACK_CATALOG = 'sluice'

/** Where this machine's stack lies, and how it is moved. */
export interface StackPlace {
  /** Data, logs and state of all services: SLUICE_STACK_FOLDER, else a folder of the cache. */
  readonly folder: string
  /** The file with the secrets: SLUICE_STACK_ENV, else `.env` of the checkout. */
  readonly envPath: string
  readonly ports: StackPorts
}

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url))
const PORT_OFFSET_MAX = 50_000

/**
 * SLUICE_STACK_PORT_OFFSET moves all ports by so much, for a second stack on one machine.
 * @throws RangeError for an offset that is no whole number from 0 to 50000.
 */
export function stackPlace(environment: Readonly<Record<string, string | undefined>>): StackPlace {
  const offset = Number(environment['SLUICE_STACK_PORT_OFFSET'] ?? 0)
  if (!Number.isInteger(offset) || offset < 0 || offset > PORT_OFFSET_MAX) {
    throw new RangeError(
      `SLUICE_STACK_PORT_OFFSET must be a whole number from 0 to ${PORT_OFFSET_MAX}. ` +
        'Nothing was done; correct it or leave it out.',
    )
  }
  return {
    folder: environment['SLUICE_STACK_FOLDER'] ?? join(cacheFolder(), 'stack'),
    envPath: environment['SLUICE_STACK_ENV'] ?? join(CHECKOUT, '.env'),
    ports: movedPorts(offset),
  }
}

function movedPorts(offset: number): StackPorts {
  const { kafka, hdfs } = stackPorts
  return {
    kafka: { broker: kafka.broker + offset, controller: kafka.controller + offset },
    minio: stackPorts.minio + offset,
    hdfs: {
      nameNodeRpc: hdfs.nameNodeRpc + offset,
      nameNodeHttp: hdfs.nameNodeHttp + offset,
      dataNodeHttp: hdfs.dataNodeHttp + offset,
      dataNodeTransfer: hdfs.dataNodeTransfer + offset,
      dataNodeIpc: hdfs.dataNodeIpc + offset,
    },
    trino: stackPorts.trino + offset,
    catalog: stackPorts.catalog + offset,
  }
}
