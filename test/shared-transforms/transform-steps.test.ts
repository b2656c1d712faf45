import { describe, expect, it } from 'vitest'
import { loadExtensions } from '../../pipelines/config/load-extensions.ts'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { formats } from '../../shared-transforms/formats/formats.ts'
import { repositoryRoot } from '../support/data.ts'
import { trinoDialect } from '../../shared-transforms/dialect.ts'
import {
  formatSteps,
  kindSteps,
  listStepVersions,
  sharedSteps,
} from '../../shared-transforms/transform-steps.ts'

/** With a kind that is declared: its steps are made of the same parts. */
const extended = await loadExtensions(['examples/funding-rates.mjs'], repositoryRoot)

/** What a pure step cannot say: a clock, chance, or how large its input is. */
const impure = /\b(now|current_timestamp|current_date|random|uuid|gen_random|today)\b/i

/** What Trino does not read, or reads otherwise. */
const onlyDuckDb =
  /\b(EXCLUDE|MATERIALIZED|RECURSIVE|QUALIFY|BY NAME|string_split|epoch_us|make_timestamptz|json_valid|json_extract_string|regexp_matches|len)\b|REPLACE \(|::|\/\/|'g'\)/

describe('the steps', () => {
  it('are named once each, with a version', () => {
    const names = listStepVersions(builtInModel).map((step) => step.name)
    expect(new Set(names).size).toBe(names.length)
    expect(listStepVersions(builtInModel).filter((step) => step.version < 1)).toEqual([])
    expect(names).toContain('decode-stock-json-quote')
    for (const format of formats.keys()) expect(names).toContain(`route-${format}`)
  })

  it('give the same text each time, without clock and chance', () => {
    for (const { sql } of formatSteps(builtInModel)) {
      expect(sql('input')).toBe(sql('input'))
      expect(sql('input')).not.toMatch(impure)
    }
  })

  it("hold no word of DuckDB's in the text for Trino", () => {
    const { bronze, duplicates } = kindSteps(extended)
    const { barsPartial, barsMerge, barsFinalize } = sharedSteps
    const { spreadsPartial, spreadsMerge, spreadsFinalize } = sharedSteps
    const { numberRunsPartial, numberRunsMerge, gaps } = sharedSteps
    const bars = [barsPartial, barsMerge, barsFinalize]
    const spreads = [spreadsPartial, spreadsMerge, spreadsFinalize]
    const runs = [numberRunsPartial, numberRunsMerge, gaps]
    const texts = [
      ...[...formatSteps(extended), ...bars, ...spreads, ...runs].map(({ sql }) =>
        sql('input', trinoDialect),
      ),
      ...bronze.map(({ sql }) => sql({ routed: 'r', decoded: 'd' }, trinoDialect)),
      ...duplicates.map(({ sql }) => sql({ candidates: 'c', accepted: 'a' }, trinoDialect)),
      ...extended.goldTables.flatMap(({ inputs }) =>
        inputs.map(({ partialSql }) => partialSql('input', trinoDialect)),
      ),
    ]
    for (const text of texts) expect(text).not.toMatch(onlyDuckDb)
  })
})
