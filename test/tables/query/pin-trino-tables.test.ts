import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { snapshotInCut } from '../../../tables/query/choose-cut.ts'
import { pinTrinoTables } from '../../../tables/query/pin-trino-tables.ts'
import { createTableLookup } from '../../../tables/query/table-lookup.ts'
import { readTrinoStatement } from '../../../tables/query/trino-statement.ts'
import { openSampleLake, type SampleLake } from './sample-lake.ts'

let lake: SampleLake
beforeAll(async () => {
  lake = await openSampleLake()
  await lake.cut({
    'gold.bars': "SELECT 'A' AS symbol, now() AS open_ts, 1 AS close, 1::BIGINT AS n",
  })
})
afterAll(() => lake.close())

/** What is sent to Trino for a statement. */
async function sent(sql: string, isAsked = false): Promise<string | undefined> {
  const { text, tokens } = readTrinoStatement(sql)
  const lookup = createTableLookup(lake.catalog)
  const choose = (table: Parameters<typeof snapshotInCut>[0]) =>
    snapshotInCut(table, undefined, undefined)
  const request = { lookup, trinoCatalog: 'sluice', choose, isAsked }
  return (await pinTrinoTables(request, text, tokens))?.text
}

describe("Trino's tables about a table", () => {
  it.each([
    ['gold."bars$files"', '"sluice"."gold"."bars$files"'],
    // As DuckDB takes it; Trino takes no $ without quotes.
    ['gold.bars$files', '"sluice"."gold"."bars$files"'],
    ['GOLD.BARS$FILES f', '"sluice"."gold"."bars$files" f'],
    ['spreads$refs', '"sluice"."gold"."spreads$refs"'],
    ['sluice.gold."bars$all_entries"', '"sluice"."gold"."bars$all_entries"'],
    ['gold."bars$all_manifests" m', '"sluice"."gold"."bars$all_manifests" m'],
  ])('are named in full and in quotes: %s', async (from, expected) => {
    expect(await sent(`SELECT * FROM ${from}`)).toBe(`SELECT * FROM ${expected}`)
  })

  it('stay as they are where they are of another catalog', async () => {
    const sql = 'SELECT * FROM other.gold."bars$files"'
    expect(await sent(sql, true)).toBe(sql)
  })

  it.each(['files', 'entries', 'manifests', 'partitions'])(
    '$%s, which Trino reads of the newest snapshot only, is refused at a cut',
    async (about) => {
      const refusal = new RegExp(
        `Trino reads "bars\\$${about}" only as it is now.*Nothing was read`,
      )
      const sql = `SELECT * FROM gold."bars$${about}"`
      await expect(sent(sql, true)).rejects.toThrow(refusal)
      await expect(sent(`${sql} FOR VERSION AS OF 7`)).rejects.toThrow(refusal)
      await expect(sent(`${sql} f AT (VERSION => 7)`)).rejects.toThrow(refusal)
      expect(await sent(sql)).toContain(`$${about}`)
    },
  )

  it.each(['snapshots', 'history', 'refs', 'properties', 'metadata_log_entries', 'all_entries'])(
    '$%s, which tells of the table as a whole, is read beside a cut and has no versions',
    async (about) => {
      const sql = `SELECT * FROM gold.bars$${about}`
      expect(await sent(sql, true)).toBe(`SELECT * FROM "sluice"."gold"."bars$${about}"`)
      await expect(sent(`${sql} FOR VERSION AS OF 7`)).rejects.toThrow(/tells of the table as a/)
    },
  )

  it('are refused by the names that Trino has not', async () => {
    await expect(sent('SELECT * FROM gold.bars$data_files')).rejects.toThrow(
      /Trino has no "bars\$data_files"\. Nothing was read.*\$files.*--engine trino out/,
    )
    await expect(sent('SELECT * FROM gold.candles$files')).rejects.toThrow(/no table gold\.candles/)
    await expect(sent('SELECT * FROM gold.bars$candles')).rejects.toThrow(/no table/)
  })

  it('are found only where the $ stands at the name', async () => {
    const id = lake.snapshotId('gold.bars')
    expect(await sent('SELECT 1 AS x FROM gold.bars $files')).toContain(
      `FOR VERSION AS OF ${id} $files`,
    )
  })
})
