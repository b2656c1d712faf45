import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'

/** One line of a config's instruments map: our id of what a venue calls `venue_symbol`. */
export interface Instrument {
  readonly venue: string
  readonly venue_symbol: string
  readonly instrument_id: string
}

/** The table `instruments`, which decoding joins. */
export async function createInstrumentsTable(
  session: Session,
  instruments: readonly Instrument[],
): Promise<void> {
  await session.run(
    'CREATE OR REPLACE TABLE instruments ' +
      '(venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR)',
  )
  if (instruments.length === 0) return
  const rows = instruments.map((each) =>
    [each.venue, each.venue_symbol, each.instrument_id].map(sqlString).join(', '),
  )
  await session.run(`INSERT INTO instruments VALUES (${rows.join('), (')})`)
}
