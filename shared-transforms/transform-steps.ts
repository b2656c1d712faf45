import { barsFinalizeSql, barsMergeSql, barsPartialSql } from './bars.ts'
import { bronzeSql } from './bronze.ts'
import { duplicatesSql } from './duplicates.ts'
import { formats } from './formats/formats.ts'
import { frameBulkSql, sanitizeReceivedSql } from './frame.ts'
import { kinds } from './kind.ts'
import { spreadsFinalizeSql, spreadsMergeSql, spreadsPartialSql } from './spreads.ts'
import type { TransformStep } from './transform-step.ts'

function step<Inputs>(
  name: string,
  version: number,
  sql: (inputs: Inputs) => string,
): TransformStep<Inputs> {
  return { name, version, sql }
}

/** Steps that every format and every kind shares, in the order of the data's way. */
export const sharedSteps = {
  frameBulk: step('frame-bulk', 1, frameBulkSql),
  frameSide: step('frame-side', 1, sanitizeReceivedSql),
  bronze: kinds.map((kind) =>
    step(`bronze-${kind}`, 1, (input: Parameters<typeof bronzeSql>[1]) => bronzeSql(kind, input)),
  ),
  duplicates: kinds.map((kind) =>
    step(`duplicates-${kind}`, 1, (input: Parameters<typeof duplicatesSql>[1]) =>
      duplicatesSql(kind, input),
    ),
  ),
  barsPartial: step('bars-partial', 1, (rows: string) => barsPartialSql(rows)),
  barsMerge: step('bars-merge', 1, (states: string) => barsMergeSql(states)),
  barsFinalize: step('bars-finalize', 1, barsFinalizeSql),
  spreadsPartial: step('spreads-partial', 1, (rows: string) => spreadsPartialSql(rows)),
  spreadsMerge: step('spreads-merge', 1, (states: string) => spreadsMergeSql(states)),
  spreadsFinalize: step('spreads-finalize', 1, spreadsFinalizeSql),
} as const

/** The steps of each format: routing, and decoding of each of its kinds. */
export const formatSteps: readonly TransformStep<string>[] = [...formats.values()].flatMap(
  (format) => [
    step(`route-${format.name}`, format.version, format.routeSql),
    ...format.kinds.map((kind) =>
      step(`decode-${format.name}-${kind}`, format.version, (routed: string) =>
        format.decodeSql(kind, routed),
      ),
    ),
  ],
)

/** Name and version of every step: what a derivation was made with. */
export const stepVersions: readonly { readonly name: string; readonly version: number }[] = [
  ...formatSteps,
  ...Object.values(sharedSteps).flat(),
].map(({ name, version }) => ({ name, version }))
