import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tableOfModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import type { Sink } from './sink.ts'

/** A folder that readers of hive partitions pass over, as they do with all that begins so. */
const STAGING = '_staging'

/**
 * Parquet files by folders in the way of Hive: `<folder>/<table>/date=2025-01-15/cut-<n>.parquet`,
 * by the UTC date of the table's time. A file has its cut's name and appears whole, so that a
 * delivery that comes again puts the same rows in the same place.
 */
export function createParquetSink(folder: string, model: LakeModel): Sink {
  return {
    deliver: async ({ session, query, cutNumber, table }) => {
      const target = join(folder, table)
      const staging = join(target, STAGING)
      await rm(staging, { recursive: true, force: true })
      await mkdir(staging, { recursive: true })
      const name = `cut-${String(cutNumber).padStart(9, '0')}`
      await session.run(
        `COPY (SELECT *, strftime(${sqlName(timeColumn(model, table))}, '%Y-%m-%d') AS date ` +
          `FROM (${query})) TO ${sqlString(staging)} (FORMAT parquet, COMPRESSION zstd, ` +
          `PARTITION_BY (date), FILENAME_PATTERN ${sqlString(`${name}_{i}`)}, OVERWRITE_OR_IGNORE)`,
      )
      for (const file of await readdir(staging, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue
        const from = join(file.parentPath, file.name)
        const to = join(target, file.parentPath.slice(staging.length), file.name)
        await mkdir(dirname(to), { recursive: true })
        await rename(from, to)
      }
      await rm(staging, { recursive: true, force: true })
    },
    close: () => Promise.resolve(),
  }
}

/** The time that a table is partitioned by. */
function timeColumn(model: LakeModel, table: string): string {
  const column = tableOfModel(model, table)?.partition[0]?.column
  if (column === undefined) throw new RangeError(`${table} is partitioned by no time`)
  return column
}
