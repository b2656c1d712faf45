import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'
import { comparePlans, sharedColumns } from '../../tables/scan/compare-plans.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { SluiceError } from '../../tables/errors.ts'
import { findSnapshot } from '../../tables/spec/cut-history.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import type { Lake } from '../lake/lake.ts'
import { planRelation } from '../loop/loop-context.ts'

/**
 * The rows that a table has at one snapshot and had not at another, as a query in the order of the
 * table's key; undefined where there can be none. A row that changed is one of them. Rows that went
 * are not told of.
 *
 * Only files that one of the two has alone are read. Where the older snapshot expired the answer is
 * every row of the younger: more than asked for, never less.
 * @param fromId undefined: the table was empty
 */
export async function changedRowsSql(
  lake: Lake,
  { identifier, metadata }: LoadedTable,
  fromId: bigint | undefined,
  toId: bigint | undefined,
  where: string | undefined,
): Promise<string | undefined> {
  if (toId === undefined || toId === fromId) return undefined
  const { fileIO, manifestCache } = lake
  const planAt = (snapshotId: bigint) => planScan({ fileIO, metadata, manifestCache, snapshotId })
  const after = await planAt(toId)
  const isKnown = fromId !== undefined && findSnapshot(metadata, fromId) !== undefined
  const before = isKnown ? await planAt(fromId) : { ...after, tasks: [] }
  const { gone, come } = comparePlans(before, after)
  if (come.tasks.length === 0) return undefined
  const columns = after.schema.fields.map(({ name }) => sqlName(name)).join(', ')
  const rows = `SELECT ${columns} FROM ${await planRelation(lake, come)}`
  const changed =
    gone.tasks.length === 0 ? rows : await without(lake, rows, gone, sharedColumns(before, after))
  const names = after.schema.fields.map(({ name }) => name)
  return `${filterSql(changed, where)} ORDER BY ${orderSql(lake, tableKey(identifier), names)}`
}

/**
 * A sink's condition, tried on the table without its rows.
 * @throws SluiceError `invalid-input` where the engine does not understand it.
 */
export async function checkCondition(
  lake: Lake,
  { identifier, metadata }: LoadedTable,
  where: string,
): Promise<void> {
  const { fileIO, manifestCache } = lake
  const plan = await planScan({ fileIO, metadata, manifestCache })
  const empty = await planRelation(lake, { ...plan, tasks: [] })
  const session = await lake.engine.connect()
  try {
    await session.run(filterSql(`SELECT * FROM ${empty}`, where))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SluiceError(
      'invalid-input',
      `The condition "${where}" of a sink does not fit on ${tableKey(identifier)} (${reason}). ` +
        'Nothing was started. Correct `where`: it is an SQL condition on columns of the table.',
      { cause, context: { table: tableKey(identifier) } },
    )
  } finally {
    session.close()
  }
}

function filterSql(rows: string, where: string | undefined): string {
  return `SELECT * FROM (${rows}) AS t${where === undefined ? '' : ` WHERE (${where})`}`
}

/** By the key, then by all that is left: equal keys come in the same order each time too. */
function orderSql({ model }: Lake, table: string, names: readonly string[]): string {
  const key = tableOfModel(model, table)?.key ?? []
  return [...new Set([...key, ...names])].map(sqlName).join(', ')
}

/** The rows that are not among those of other files too, each as often as it is there more. */
async function without(
  lake: Lake,
  rows: string,
  gone: Parameters<typeof planRelation>[1],
  shared: readonly string[],
): Promise<string> {
  const columns = shared.map(sqlName).join(', ')
  const numbered = (relation: string) =>
    `SELECT *, row_number() OVER (PARTITION BY ${columns}) AS _nth FROM (${relation})`
  const old = `SELECT ${columns} FROM ${await planRelation(lake, gone)}`
  const pairs = [...shared.map(sqlName), '_nth']
    .map((name) => `a.${name} IS NOT DISTINCT FROM b.${name}`)
    .join(' AND ')
  return (
    `SELECT a.* EXCLUDE (_nth) FROM (${numbered(rows)}) AS a ` +
    `ANTI JOIN (${numbered(old)}) AS b ON ${pairs}`
  )
}
