import type { Lake } from '../../pipelines/lake/lake.ts'
import { planRelation } from '../../pipelines/loop/loop-context.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { headRequirements, snapshotUpdates, stageTable } from '../../tables/commit/stage-table.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { writeRowDeletes } from '../../tables/commit/write-row-deletes.ts'
import { planScan, type ScanPlan } from '../../tables/scan/plan-scan.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'

/** Somebody who commits to a lake's tables and knows nothing of cuts: no token, no cut number. */
export interface ForeignWriter {
  /** Appends the rows of a query; `FROM t` names the table's own rows. */
  insert(table: string, query: string): Promise<void>
  /** Deletes the rows that a condition finds. */
  deleteWhere(table: string, condition: string): Promise<void>
  /** Deletes them and adds the rows of `SELECT * REPLACE (…) FROM` them, in one commit. */
  update(table: string, condition: string, replacements: string): Promise<void>
  /** Writes all rows of a table into new files, as `replace`; the tail's too. */
  optimize(table: string): Promise<void>
  /** A commit of any change that is made of the table's live files. */
  commitFiles(
    table: string,
    change: (files: readonly DataFile[]) => Partial<TableChange>,
  ): Promise<void>
  /** Removes every snapshot that no ref names. */
  expireSnapshots(table: string): Promise<void>
  /** Sets main to an older snapshot. */
  rollBackTo(table: string, snapshotId: bigint): Promise<void>
}

export function createForeignWriter(lake: Lake): ForeignWriter {
  const { catalog, fileIO, clock, ids, manifestCache, scratchDir } = lake
  const context = { catalog, fileIO, clock, ids, manifestCache }

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
    const staged = await stageTable(context, {
      table,
      change,
      snapshotId: ids.snapshotId(),
      timestampMs: table.metadata['last-updated-ms'],
      summary: {},
    })
    await catalog.commitTransaction([
      {
        identifier: table.identifier,
        requirements: headRequirements(table),
        updates: snapshotUpdates(staged.snapshot),
      },
    ])
  }
  const write = async (table: LoadedTable, query: string) => {
    const session = await lake.engine.connect()
    try {
      return await writeDataFiles({ session, fileIO, ids, scratchDir }, table.metadata, query)
    } finally {
      session.close()
    }
  }
  const planOf = (table: LoadedTable): Promise<ScanPlan> =>
    planScan({ fileIO, metadata: table.metadata, manifestCache })
  const deletesOf = async (table: LoadedTable, plan: ScanPlan, condition: string) => {
    const relation = await planRelation(lake, plan, { withPosition: true })
    const session = await lake.engine.connect()
    try {
      const found = await session.rows<{ _file: string; at: bigint[] }>(
        `SELECT _file, list(_pos ORDER BY _pos) AS at FROM ${relation} WHERE ${condition} GROUP BY _file`,
      )
      if (found.length === 0) throw new Error(`nothing in the table is ${condition}`)
      const fileOf = new Map(plan.tasks.map(({ file }) => [file.filePath, file]))
      const deletes = found.map(({ _file, at }) => ({ file: fileOf.get(_file)!, positions: at }))
      const writer = { session, fileIO, ids, scratchDir, manifestCache }
      return await writeRowDeletes(writer, table.metadata, deletes)
    } finally {
      session.close()
    }
  }

  return {
    insert: async (name, query) => {
      const table = await load(name)
      const relation = await planRelation(lake, await planOf(table))
      await commit(table, {
        addDataFiles: await write(table, query.replace(/\bFROM t\b/, `FROM ${relation} t`)),
      })
    },
    deleteWhere: async (name, condition) => {
      const table = await load(name)
      const deletes = await deletesOf(table, await planOf(table), condition)
      await commit(table, { operation: 'delete', ...deletes })
    },
    update: async (name, condition, replacements) => {
      const table = await load(name)
      const plan = await planOf(table)
      const relation = await planRelation(lake, plan)
      const rows = `SELECT * REPLACE (${replacements}) FROM ${relation} WHERE ${condition}`
      const addDataFiles = await write(table, rows)
      const deletes = await deletesOf(table, plan, condition)
      await commit(table, { operation: 'overwrite', ...deletes, addDataFiles })
    },
    optimize: async (name) => {
      const table = await load(name)
      const plan = await planOf(table)
      const relation = await planRelation(lake, plan)
      await commit(table, {
        operation: 'replace',
        addDataFiles: await write(table, `SELECT * FROM ${relation}`),
        removePaths: plan.tasks.map(({ file }) => file.filePath),
      })
    },
    commitFiles: async (name, change) => {
      const table = await load(name)
      const { tasks } = await planOf(table)
      await commit(table, change(tasks.map(({ file }) => file)))
    },
    expireSnapshots: async (name) => {
      const { identifier, metadata } = await load(name)
      const held = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']))
      const gone = metadata.snapshots.map((each) => each['snapshot-id'])
      await catalog.commitTransaction([
        {
          identifier,
          requirements: [],
          updates: [
            { action: 'remove-snapshots', 'snapshot-ids': gone.filter((id) => !held.has(id)) },
          ],
        },
      ])
    },
    rollBackTo: async (name, snapshotId) => {
      const { identifier } = await load(name)
      await catalog.commitTransaction([
        {
          identifier,
          requirements: [],
          updates: [
            {
              action: 'set-snapshot-ref',
              'ref-name': 'main',
              type: 'branch',
              'snapshot-id': snapshotId,
            },
          ],
        },
      ])
    },
  }
}
