import { SluiceError } from '../../tables/errors.ts'
import type { Instrument } from '../loop/instruments.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { holdSilver } from './held-silver.ts'
import type { DayRange } from '../lake/utc-days.ts'

/**
 * The instrument ids that silver of a range has, where they are not made of venue and symbol: a
 * replay without a config must not take them away.
 * @throws SluiceError `invalid-input` where one symbol has several.
 */
export async function readInstruments(
  context: LoopContext,
  range: DayRange,
): Promise<readonly Instrument[]> {
  const selects: string[] = []
  for (const kind of context.session.model.kinds) {
    const { rows } = await holdSilver(context, kind, range)
    selects.push(`SELECT venue, venue_symbol, instrument_id FROM ${rows} r GROUP BY ALL`)
  }
  const found = await context.session.rows<Instrument & { readonly ids: bigint }>(
    `SELECT venue, venue_symbol, min(instrument_id) FILTER (` +
      `instrument_id <> venue || ':' || venue_symbol) AS instrument_id, ` +
      `count(DISTINCT instrument_id) AS ids FROM (${selects.join(' UNION ALL ')}) ` +
      "GROUP BY venue, venue_symbol HAVING max(instrument_id) <> venue || ':' || venue_symbol " +
      'OR ids > 1 ORDER BY venue, venue_symbol',
  )
  const several = found.find(({ ids }) => ids > 1n)
  if (several === undefined) return found
  throw new SluiceError(
    'invalid-input',
    `${several.venue} ${several.venue_symbol} has ${several.ids} instrument ids in silver of these ` +
      'days, and no config says which is right. Nothing was changed. Give the config that live ' +
      'runs with: --config FILE.',
  )
}
