import { duplicateRule, duplicatesSql } from '../../shared-transforms/duplicates.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { planHead, planRelation, headOf, type LoopContext } from '../loop/loop-context.ts'
import { ownColumns } from '../loop/own-columns.ts'
import { isReplaced } from '../loop/replaced-sources.ts'
import { CONFLICT_SQL, silverTable } from '../loop/write-cut-files.ts'
import { POSITION, type Derivation } from './derive-range.ts'
import { planBronze } from './plan-bronze.ts'
import { isInRange } from '../lake/utc-days.ts'

/** The engine table with the silver rows that a range should hold of a kind. */
export function againSilver(kind: Kind): string {
  return `again_silver_${kind}`
}

/** The engine table with the rejected rows that the messages of a range should have. */
export const AGAIN_REJECTED = 'again_rejected'

/**
 * From decoded rows to what the range should hold: duplicates are decided in THE sequence, each
 * row against the accepted ones before it, as if live had taken all of them in now. Rows of a source
 * that does not count pass for duplicates.
 */
export async function judgeRange(context: LoopContext, { range }: Derivation): Promise<void> {
  const { session } = context
  const isInside = isInRange('event_ts', range)
  for (const kind of session.model.kinds) {
    const key = `venue, venue_symbol, ${kind}_id`
    const counted =
      context.replacedCount === 0
        ? `again_${kind}`
        : `(SELECT * FROM again_${kind} WHERE NOT ${isReplaced(kind)})`
    await session.run(
      `CREATE OR REPLACE TABLE again_suspect_${kind} AS SELECT * FROM ${counted} SEMI JOIN ` +
        `(SELECT ${key} FROM ${counted} WHERE ${kind}_id IS NOT NULL GROUP BY ALL ` +
        `HAVING count(*) > 1) USING (${key})`,
    )
    const judged = duplicatesSql(duplicateRule(session.model.tables, kind), {
      candidates: `again_suspect_${kind}`,
      accepted: `(SELECT * FROM again_suspect_${kind} WHERE false)`,
    })
    await session.run(
      `CREATE OR REPLACE TABLE again_refuted_${kind} AS SELECT * FROM (${judged}) ` +
        `WHERE verdict <> 'accepted' AND ${isInside}`,
    )
    if (context.replacedCount > 0) {
      await session.run(
        `INSERT INTO again_refuted_${kind} BY NAME SELECT *, 'duplicate' AS verdict ` +
          `FROM again_${kind} WHERE ${isReplaced(kind)} AND ${isInside}`,
      )
    }
    const held = await heldShape(context, silverTable(kind))
    await session.run(`CREATE OR REPLACE TABLE ${againSilver(kind)} AS ${held}`)
    await session.run(
      `INSERT INTO ${againSilver(kind)} BY NAME SELECT ${ownColumns(session, silverTable(kind))} ` +
        `FROM again_${kind} ANTI JOIN again_refuted_${kind} USING (${POSITION}, source_row) ` +
        `WHERE ${isInside}`,
    )
  }
  await judgeRejected(context, range)
}

/** No rows, with the columns that a table was declared with and the types of its files. */
async function heldShape({ options, heads }: LoopContext, table: string): Promise<string> {
  const plan = await planHead(options.lake, headOf(heads, table), [])
  const rows = await planRelation(options.lake, { ...plan, tasks: [] })
  return `SELECT ${ownColumns(options.lake, table)} FROM ${rows}`
}

async function judgeRejected(context: LoopContext, range: Derivation['range']): Promise<void> {
  const { session } = context
  const columns = ownColumns(session, 'silver.rejected_messages')
  const shape = await heldShape(context, 'silver.rejected_messages')
  await session.run(`CREATE OR REPLACE TABLE ${AGAIN_REJECTED} AS ${shape}`)
  await session.run(
    `INSERT INTO ${AGAIN_REJECTED} BY NAME SELECT ${columns} FROM again_refused ` +
      `SEMI JOIN (${ownedMessages(range)}) USING (${POSITION})`,
  )
  for (const kind of session.model.kinds) {
    const [count] = await session.rows<{ n: bigint }>(
      `SELECT count(*) AS n FROM again_refuted_${kind} WHERE verdict = 'conflict'`,
    )
    if ((count?.n ?? 0n) === 0n) continue
    const messages = await bronzeRows(context, range)
    await session.run(
      `INSERT INTO ${AGAIN_REJECTED} BY NAME SELECT ${columns} FROM (` +
        `SELECT v.*, m.message_key, m.headers, m.payload, m.payload_encoding, m.format, ` +
        `'${kind}' AS kind, ${CONFLICT_SQL} FROM again_refuted_${kind} v ` +
        `JOIN (${messages}) m USING (${POSITION}) WHERE v.verdict = 'conflict')`,
    )
  }
}

/** Every message in reach with its payload, which decoded rows do not carry along. */
async function bronzeRows(context: LoopContext, range: Derivation['range']): Promise<string> {
  const selects: string[] = []
  for (const plan of await planBronze(context, range)) {
    const rows = await planRelation(context.options.lake, plan)
    selects.push(
      `SELECT ${POSITION}, message_key, headers, payload, payload_encoding, format FROM ${rows}`,
    )
  }
  return selects.join(' UNION ALL ')
}

/**
 * Messages whose refusal belongs to the range: those of its days, and those of no day. What decodes
 * now at a time outside of the range stays refused until its own day is replayed.
 */
export function ownedMessages(range: Derivation['range']): string {
  return (
    `SELECT ${POSITION} FROM again_message ` +
    `WHERE event_ts IS NULL OR ${isInRange('event_ts', range)} ` +
    `EXCEPT SELECT ${POSITION} FROM again_elsewhere WHERE bronze_event_ts IS NULL`
  )
}
