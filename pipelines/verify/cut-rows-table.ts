import type { PinnedLake } from './pin-lake.ts'

/** The engine's table that holds all rows of sluice.cuts while a lake is verified. */
export const CUT_ROWS = 'cut_rows'

/** The engine's view of the long texts of cuts: cut_number, token, snapshot_ids. */
export const CUT_TEXTS = 'cut_texts'

/** Fills both from a relation with the columns of sluice.cuts. */
export async function createCutRows({ session }: PinnedLake, relation: string): Promise<void> {
  // A lake makes a cut a second: what only few are asked for stays in the files.
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${CUT_ROWS} AS ` +
      `SELECT * EXCLUDE (token, snapshot_ids, writer, mode) FROM ${relation}`,
  )
  await session.run(
    `CREATE OR REPLACE TEMP VIEW ${CUT_TEXTS} AS ` +
      `SELECT cut_number, token, snapshot_ids FROM ${relation} WHERE source IS NULL`,
  )
}
