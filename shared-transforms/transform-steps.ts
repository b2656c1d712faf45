import {
  barsCompleteSql,
  barsFinalizeSql,
  barsMergeSql,
  barsPartialSql,
  klineBarsPartialSql,
} from './bars.ts'
import { bronzeSql } from './bronze.ts'
import { dailyFilledSql, forecastInputSql } from './daily-history.ts'
import type { Dialect } from './dialect.ts'
import { duplicateRule, duplicatesSql } from './duplicates.ts'
import { MAPPED_VERSION } from './formats/mapped.ts'
import { mappedFiles, mappedKinds } from './formats/mapping.ts'
import { frameBulkSql, sanitizeReceivedSql } from './frame.ts'
import type { LakeModel } from './lake-model.ts'
import { gapsSql, numberRunsMergeSql, numberRunsPartialSql } from './number-runs.ts'
import { spreadsFinalizeSql, spreadsMergeSql, spreadsPartialSql } from './spreads.ts'
import type { TransformStep } from './transform-step.ts'

function step<Inputs>(
  name: string,
  version: number,
  sql: (inputs: Inputs, dialect?: Dialect) => string,
): TransformStep<Inputs> {
  return { name, version, sql }
}

/** Steps that all formats and all kinds share, in the order of the data's way. */
export const sharedSteps = {
  frameBulk: step('frame-bulk', 1, frameBulkSql),
  frameSide: step('frame-side', 1, sanitizeReceivedSql),
  numberRunsPartial: step('number-runs-partial', 1, numberRunsPartialSql),
  numberRunsMerge: step('number-runs-merge', 1, numberRunsMergeSql),
  gaps: step('number-runs-gaps', 1, gapsSql),
  barsPartial: step('bars-partial', 1, barsPartialSql),
  barsPartialOfKlines: step('bars-partial-of-klines', 1, klineBarsPartialSql),
  barsMerge: step('bars-merge', 1, barsMergeSql),
  barsFinalize: step('bars-finalize', 1, barsFinalizeSql),
  barsComplete: step('bars-complete', 1, (input: Parameters<typeof barsCompleteSql>) =>
    barsCompleteSql(...input),
  ),
  dailyFilled: step('bars-daily-filled', 1, dailyFilledSql),
  forecastInput: step('bars-forecast-input', 1, forecastInputSql),
  spreadsPartial: step('spreads-partial', 1, spreadsPartialSql),
  spreadsMerge: step('spreads-merge', 1, spreadsMergeSql),
  spreadsFinalize: step('spreads-finalize', 1, spreadsFinalizeSql),
} as const

/** The steps that each kind has of its own. */
export function kindSteps({ kinds, tables }: Pick<LakeModel, 'kinds' | 'tables'>) {
  return {
    bronze: kinds.map((kind) =>
      step(`bronze-${kind}`, 1, (input: Parameters<typeof bronzeSql>[1], dialect) =>
        bronzeSql(kind, input, dialect),
      ),
    ),
    duplicates: kinds.map((kind) => {
      const rule = duplicateRule(tables, kind)
      return step(`duplicates-${kind}`, 1, (input: Parameters<typeof duplicatesSql>[1], dialect) =>
        duplicatesSql(rule, input, dialect),
      )
    }),
  } as const
}

/** The steps of each format: routing, and decoding of each of its kinds. */
export function formatSteps({ formats }: Pick<LakeModel, 'formats'>): TransformStep<string>[] {
  return [...formats.values()].flatMap((format) => [
    step(`route-${format.name}`, format.version, format.routeSql),
    ...format.kinds.map((kind) =>
      step(`decode-${format.name}-${kind}`, format.version, (routed: string, dialect) =>
        format.decodeSql(kind, routed, dialect),
      ),
    ),
  ])
}

/**
 * The steps of mapped formats, which are made of a mapping. That one is part of each message's
 * format in bronze, so these versions are all that can change how it is read.
 */
const mappedSteps: readonly StepVersion[] = mappedFiles.flatMap((file) =>
  ['route', ...mappedKinds].map((step) => {
    const name = step === 'route' ? `route-${file}` : `decode-${file}-${step}`
    return { name, version: MAPPED_VERSION }
  }),
)

/** A step's name and which version of it. */
export interface StepVersion {
  readonly name: string
  readonly version: number
}

/** Name and version of every step of a model: what a derivation is made with. */
export function listStepVersions(model: LakeModel): readonly StepVersion[] {
  const shared = [...Object.values(kindSteps(model)).flat(), ...Object.values(sharedSteps)]
  const gold = model.goldTables.flatMap(({ state, version }) =>
    version === undefined ? [] : [{ name: `gold-${state}`, version }],
  )
  return [...formatSteps(model), ...mappedSteps, ...shared, ...gold].map(({ name, version }) => {
    return { name, version }
  })
}
