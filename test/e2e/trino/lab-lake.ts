import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import {
  openEmbeddedCatalog,
  type EmbeddedCatalog,
} from '../../../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import {
  headRequirements,
  snapshotUpdates,
  stageTable,
} from '../../../tables/commit/stage-table.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import { writeRowDeletes } from '../../../tables/commit/write-row-deletes.ts'
import type { RowStruct } from '../../../tables/engine/row-value.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'

/** Tables without a loop: a catalog that is served, and our own reading and writing of it. */
export interface LabLake {
  readonly catalog: EmbeddedCatalog
  readonly url: string
  /** Failures of the server that are its own: none is expected. */
  readonly failures: readonly unknown[]
  load(name: string): Promise<LoadedTable>
  /** All rows of a query over one table, `FROM t` naming it; at its head, or at a snapshot. */
  rows(name: string, sql: string, snapshotId?: bigint): Promise<RowStruct[]>
  /** Commits the rows of a DuckDB query as an append. */
  append(name: string, query: string): Promise<void>
  /** Commits the deletion of the rows that a condition finds, in the table's own form. */
  deleteWhere(name: string, condition: string): Promise<void>
  close(): Promise<void>
}

export async function openLabLake(): Promise<LabLake> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice lab-'))
  const fileIO = createLocalFileIO()
  const [clock, ids, scratchDir] = [systemClock, randomIds, join(folder, 'scratch')]
  const warehouse = locationOfPath(join(folder, 'warehouse'))
  const catalog = openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    ...{ warehouse, fileIO, clock, ids },
  })
  const failures: unknown[] = []
  const onFailure = (error: unknown) => failures.push(error)
  const server = await startRestServer({ catalog, port: 0, onFailure })
  const engine = await createEngine({ scratchDir })
  const session = await engine.connect()
  const context = { catalog, fileIO, clock, ids, manifestCache: createManifestCache() }
  const writer = { ...context, session, scratchDir }

  const load = async (name: string): Promise<LoadedTable> => {
    const table = await catalog.loadTable(tableId(name))
    if (table === undefined) throw new Error(`there is no table ${name}`)
    return table
  }
  const commit = async (table: LoadedTable, what: Partial<TableChange>): Promise<void> => {
    const change: TableChange = {
      identifier: table.identifier,
      operation: 'append',
      ...{ addDataFiles: [], addDeletes: [], removePaths: [], removeDeletePaths: [] },
      mustBeLive: [],
      ...what,
    }
    const lastMs = table.metadata['last-updated-ms']
    const timestampMs = Math.max(Number(clock.nowUs() / 1000n), lastMs)
    const snapshotId = ids.snapshotId()
    const staged = await stageTable(context, {
      table,
      change,
      snapshotId,
      timestampMs,
      summary: {},
    })
    const requirements = headRequirements(table)
    const updates = snapshotUpdates(staged.snapshot)
    await catalog.commitTransaction([{ identifier: table.identifier, requirements, updates }])
  }
  return {
    catalog,
    url: server.url,
    failures,
    load,
    rows: async (name, sql, snapshotId) => {
      const { metadata } = await load(name)
      const of = snapshotId === undefined ? {} : { snapshotId }
      const plan = await planScan({ fileIO, metadata, ...of })
      const relation = `(${await scanSql(plan, fileIO)})`
      const rows = await session.rows(sql.replace(/\bFROM t\b/, `FROM ${relation} t`))
      return rows.map((row) => withPlainBytes(row as RowStruct))
    },
    append: async (name, query) => {
      const table = await load(name)
      await commit(table, { addDataFiles: await writeDataFiles(writer, table.metadata, query) })
    },
    deleteWhere: async (name, condition) => {
      const table = await load(name)
      const plan = await planScan({ fileIO, metadata: table.metadata })
      const relation = `(${await scanSql(plan, fileIO, { withPosition: true })})`
      const found = await session.rows<{ _file: string; at: bigint[] }>(
        `SELECT _file, list(_pos ORDER BY _pos) AS at FROM ${relation} WHERE ${condition} ` +
          'GROUP BY _file',
      )
      const deletes = found.map(({ _file, at }) => {
        const task = plan.tasks.find(({ file }) => file.filePath === _file)
        if (task === undefined) throw new Error(`${_file} is not in the plan`)
        return { file: task.file, positions: at }
      })
      const written = await writeRowDeletes(writer, table.metadata, deletes)
      await commit(table, { operation: 'delete', ...written })
    },
    close: async () => {
      session.close()
      await engine.close()
      await server.close()
      await catalog.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Bytes as the class that Trino's client gives. */
function withPlainBytes(row: RowStruct): RowStruct {
  const entries = Object.entries(row).map(([name, value]) => {
    return [name, value instanceof Uint8Array ? new Uint8Array(value) : value] as const
  })
  return Object.fromEntries(entries)
}
