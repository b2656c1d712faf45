import { WINDOW_KEY_SQL, type GoldTable } from '../../shared-transforms/gold-tables.ts'
import { THIS_CUT } from './loop-times.ts'
import type { StepSession } from './step-session.ts'

const KEY = WINDOW_KEY_SQL

/** The tables of revisions, empty, once there is `<state>_rows`; none where nobody keeps them. */
export async function createRevisionTables(
  session: StepSession,
  { state, revisions }: GoldTable,
): Promise<void> {
  if (revisions === undefined) return
  const revised = `${state}_revised`
  await session.createEmpty(revised, `SELECT *, false AS is_removed FROM ${state}_rows`)
  await session.createEmpty(
    `${state}_told`,
    `SELECT *, NULL::TIMESTAMPTZ AS known_ts FROM ${revised}`,
  )
}

/**
 * Fills `<state>_revised` with the versions of sealed windows that this cut makes: the new ones,
 * `is_removed` those that are no more; and beside the first change of a window its first version,
 * which is nowhere else afterwards. False where there are none, or where nobody keeps them.
 * `<state>_next` must hold the sealed windows still.
 * @param hasForeign windows were derived again (`<state>_fresh`), so that some may be gone
 */
export async function fillRevised(
  session: StepSession,
  gold: GoldTable,
  hasForeign: boolean,
): Promise<boolean> {
  if (gold.revisions === undefined) return false
  const { state } = gold
  const committed =
    `(SELECT * FROM ${state}_tail UNION ALL BY NAME SELECT * EXCLUDE (_file, _pos) ` +
    `FROM ${state}_found)`
  const changed = `(SELECT * FROM ${state}_next WHERE revision > 0 AND known_cut = ${THIS_CUT})`
  const gone = hasForeign
    ? `(SELECT ${KEY}, min(instrument_id) AS instrument_id, min(close_ts) AS close_ts, ` +
      `(max(revision) + 1)::INTEGER AS revision FROM (SELECT * FROM ${committed} ` +
      `SEMI JOIN ${state}_fresh USING (${KEY}) ANTI JOIN ${state}_next USING (${KEY}) ` +
      `WHERE is_sealed) ` +
      `GROUP BY ${KEY})`
    : `(SELECT ${KEY}, instrument_id, close_ts, revision FROM ${state}_next WHERE false)`
  // Somebody may have put a window there twice: it has one first version all the same.
  const firsts =
    `(SELECT * FROM ${committed} SEMI JOIN ` +
    `(SELECT ${KEY} FROM ${changed} UNION SELECT ${KEY} FROM ${gone}) USING (${KEY}) ` +
    `WHERE is_sealed AND revision = 0 QUALIFY row_number() OVER (PARTITION BY ${KEY}) = 1)`
  await session.fill(
    `${state}_revised`,
    `SELECT *, false AS is_removed FROM (${gold.finalizeSql(changed)}) UNION ALL BY NAME ` +
      `SELECT *, false AS is_removed FROM (${gold.finalizeSql(firsts)}) UNION ALL BY NAME ` +
      `SELECT *, ${THIS_CUT} AS known_cut, true AS is_removed FROM ${gone}`,
  )
  const [count] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${state}_revised`)
  return (count?.n ?? 0n) > 0n
}
