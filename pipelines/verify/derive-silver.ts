import { duplicateRule, duplicatesSql } from '../../shared-transforms/duplicates.ts'
import { framedColumns } from '../../shared-transforms/frame.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { createBatchTables, deriveBatch } from '../loop/derive-batch.ts'
import { createFramedTable } from '../loop/frame-batch.ts'
import { createInstrumentsTable } from '../loop/instruments.ts'
import { fillReplacedSources, isReplaced } from '../loop/replaced-sources.ts'
import { createStepSession, type StepSession } from '../loop/step-session.ts'

/** Derives silver from bronze by the steps of the loop, in an engine of its own. */
export interface SilverDerivation {
  /**
   * From messages (a relation with bronze's columns) to the engine's tables `derived_<kind>`: good
   * rows with `verdict`, and refused ones with `reason`.
   */
  derive(messages: string): Promise<void>
}

/**
 * The session's engine must be nobody else's: the steps have tables of fixed names.
 * @param takeOvers a relation with the rows of sluice.take_overs; undefined: there are none
 */
export async function createSilverDerivation(
  connection: Session,
  model: LakeModel,
  takeOvers?: string,
): Promise<SilverDerivation> {
  const session = createStepSession(connection, model)
  const hasReplaced = (await fillReplacedSources(session, takeOvers)) > 0
  await createInstrumentsTable(session, [])
  await createFramedTable(session)
  await createBatchTables(session)
  return {
    derive: async (messages) => {
      const framed = `SELECT ${framedColumns.join(', ')}, format FROM ${messages}`
      const facts = await session.rows<{ format: string; n: bigint }>(
        `SELECT format, count(*) AS n FROM (${framed}) GROUP BY format ORDER BY format`,
      )
      await session.startBatch(Number(facts.reduce((sum, { n }) => sum + n, 0n)))
      await session.fill('framed', framed)
      await deriveBatch(
        session,
        facts.map(({ format }) => format),
      )
      for (const kind of model.kinds) await judge(session, kind, hasReplaced)
    },
  }
}

/**
 * All good rows of one kind whose source counts are judged together, in the one sequence, with none
 * accepted before.
 */
async function judge(session: StepSession, kind: Kind, hasReplaced: boolean): Promise<void> {
  const isCounted = hasReplaced ? ` AND NOT ${isReplaced(kind)}` : ''
  const candidates = `(SELECT * EXCLUDE (reason) FROM decoded_${kind} WHERE reason IS NULL${isCounted})`
  const accepted = `(SELECT * FROM decoded_${kind} WHERE false)`
  await session.run(
    `CREATE OR REPLACE TEMP TABLE derived_${kind} AS ` +
      `SELECT *, CASE WHEN verdict = 'conflict' THEN 'conflicting-duplicate' END AS reason ` +
      `FROM (${duplicatesSql(duplicateRule(session.model.tables, kind), { candidates, accepted })}) UNION ALL BY NAME ` +
      `SELECT *, 'rejected' AS verdict FROM decoded_${kind} WHERE reason IS NOT NULL`,
  )
}
