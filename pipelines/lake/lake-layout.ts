import { SluiceError } from '../../tables/errors.ts'
import { LAKE_LAYOUT_VERSION } from './lake.ts'

/** What lies between one layout of a lake and the next. */
export interface LayoutStep {
  readonly from: number
  /** What is done to the lake, each as a sentence without its subject and full stop. */
  readonly does: readonly string[]
}

const layoutSteps: readonly LayoutStep[] = [
  {
    from: 1,
    does: ['adds the column restored_cut to sluice.cuts, where a rollback says where it went'],
  },
  {
    from: 2,
    does: [
      'adds the columns steps, from_day, until_day and removed_count to sluice.cuts, where cuts say ' +
        'by which steps they were made and what a retention removed',
      'adds the column bar_source to gold.bars and lets its sums be null, for bars of klines',
      'the column known_cut to gold.bars, since when a version of a sealed bar is known',
    ],
  },
  {
    from: 3,
    does: [
      'adds the column seq_is_contiguous to silver.trades, by which missing trades are told, and ' +
        'the table silver.gaps for them',
      'the column is_complete to gold.bars and gold.bar_revisions',
    ],
  },
  {
    from: 4,
    does: ['adds the table sluice.take_overs, which says whose rows of a day count'],
  },
]

/** The steps from a layout to the present one, in order; none where it is the present one. */
export function stepsFrom(layoutVersion: number): readonly LayoutStep[] {
  return layoutSteps.filter((step) => step.from >= layoutVersion)
}

/**
 * Refuses a lake of another layout than `wanted`, and says what leads there.
 * @throws SluiceError `unsupported`
 */
export function checkLayout(
  directory: string,
  layoutVersion: number,
  wanted: number = LAKE_LAYOUT_VERSION,
): void {
  if (layoutVersion === wanted) return
  const isOlder = layoutVersion < LAKE_LAYOUT_VERSION && stepsFrom(layoutVersion).length > 0
  const does = stepsFrom(layoutVersion).flatMap((step) => step.does)
  const advice = isOlder
    ? `\`sluice upgrade --lake ${directory}\` ${does.join(', and ')}; no row changes. Older ` +
      'versions of Sluice do not open it afterwards.'
    : 'Open it with the newer Sluice that made it.'
  throw new SluiceError(
    'unsupported',
    `The lake in ${directory} has layout version ${layoutVersion}; this Sluice works on version ` +
      `${wanted}. Nothing was opened or changed. ${advice}`,
    { context: { layoutVersion } },
  )
}
