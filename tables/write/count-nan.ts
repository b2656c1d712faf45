import type { Session } from '../engine/engine.ts'
import { sqlPath } from '../engine/sql-text.ts'
import type { Leaf, NanFacts } from './column-metrics.ts'

/**
 * Counts the NaN of float columns in a local Parquet file and finds the least of all other values,
 * which the engine does not do while it writes. One query a file that has any.
 */
export async function countNan(
  session: Session,
  path: string,
  leaves: readonly Leaf[],
): Promise<ReadonlyMap<number, NanFacts>> {
  if (leaves.length === 0) return new Map()
  const aggregates = leaves.flatMap((leaf, index) => [
    `count(*) FILTER (WHERE isnan(${leaf.path})) AS nan${index}`,
    `min(${leaf.path}) FILTER (WHERE NOT isnan(${leaf.path})) AS low${index}`,
  ])
  const [row] = await session.rows<Record<string, bigint | number | null>>(
    `SELECT ${aggregates.join(', ')} FROM read_parquet(${sqlPath(path)}, hive_partitioning = false)`,
  )
  return new Map(
    leaves.map(({ fieldId }, index) => {
      const low = row?.[`low${index}`]
      const nanCount = Number(row?.[`nan${index}`] ?? 0n)
      return [fieldId, { nanCount, low: typeof low === 'number' ? low : undefined }]
    }),
  )
}
