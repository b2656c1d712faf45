export {
  barsCompleteSql,
  barsFinalizeSql,
  barsMergeSql,
  barsPartialSql,
  klineBarsPartialSql,
} from './bars.ts'
export { bronzeSql } from './bronze.ts'
export { dailyFilledSql, forecastInputSql } from './daily-history.ts'
export { contentHashSql } from './content-hash.ts'
export { duckdbDialect, trinoDialect } from './dialect.ts'
export type { Dialect } from './dialect.ts'
export { duplicateRule, duplicatesSql } from './duplicates.ts'
export type { DuplicateRule } from './duplicates.ts'
export type { Format } from './formats/format.ts'
export { formats } from './formats/formats.ts'
export { frameBulkSql, sanitizeReceivedSql } from './frame.ts'
export { kinds } from './kind.ts'
export type { Kind } from './kind.ts'
export { extendModel } from './extension/extend-model.ts'
export type { LakeExtension } from './extension/lake-extension.ts'
export { builtInModel, findFormat } from './lake-model.ts'
export type { LakeModel } from './lake-model.ts'
export { allTables } from './lake-tables.ts'
export { allViews } from './lake-views.ts'
export { gapsSql, numberRunsMergeSql, numberRunsPartialSql } from './number-runs.ts'
export { rejectReasons } from './reject-reason.ts'
export type { RejectReason } from './reject-reason.ts'
export { spreadsFinalizeSql, spreadsMergeSql, spreadsPartialSql } from './spreads.ts'
export type { TransformStep } from './transform-step.ts'
export { formatSteps, kindSteps, listStepVersions, sharedSteps } from './transform-steps.ts'
