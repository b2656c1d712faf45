import { Option, type Command } from 'commander'
import { nowMs } from '../../../tables/clock.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { type ExpiredTable, expireSnapshots } from '../../../tables/maintain/expire-snapshots.ts'
import { CUTS_TABLE, lakeCommitContext } from '../../lake/lake-commit-context.ts'
import { chooseLakeTables } from '../../lake/lake-table-names.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { durationOption } from '../parse-duration.ts'
import { drawTextTable } from '../text-table.ts'

interface ExpireOptions extends LakeOptions {
  readonly olderThan: number
  readonly retainLast: number
  readonly cuts: boolean
}

const DEFAULT_AGE_MS = 5 * 86_400_000

const notes = `
Without --cuts every cut that \`sluice cuts\` can still read stays readable; what goes are commits
of other engines and housekeeping between cuts. Tags set by hand always keep what they name.`

export function addExpireCommand(maintain: Command, context: CommandContext): void {
  const command = maintain
    .command('expire')
    .description('lets old snapshots go')
    .argument('[tables...]', 'such as gold.bars (default: all)')
    .addOption(
      new Option('--older-than <age>', 'as in 12h or 5d')
        .argParser(durationOption)
        .default(DEFAULT_AGE_MS, '5d'),
    )
    .option('--retain-last <n>', 'so many of the newest stay anyhow', countFrom(1), 1)
    .option('--cuts', 'old cuts too, on all tables: they cannot be read any more', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(
    async (tables: readonly string[], options: ExpireOptions) => {
      const expired = await runExpire(context, tables, options)
      if (options.json) printJson(context, expired)
      else for (const line of drawExpired(expired, options)) printLine(context, line)
    },
  )
}

async function runExpire(
  context: CommandContext,
  tables: readonly string[],
  options: ExpireOptions,
): Promise<readonly ExpiredTable[]> {
  if (options.cuts && tables.length > 0) {
    throw new SluiceError(
      'invalid-input',
      'A cut is a state of all tables, so --cuts takes no table. Nothing was expired. Leave out ' +
        'the tables, or --cuts.',
    )
  }
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  return withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice maintain expire',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    async ({ lake, fence, noteCommit }) => {
      const identifiers = chooseLakeTables(lake, tables)
      const done = await expireSnapshots(lakeCommitContext(lake), {
        cutsTable: CUTS_TABLE,
        identifiers,
        afterCut: fence,
        olderThanMs: nowMs(clock) - options.olderThan,
        retainLast: options.retainLast,
        withCuts: options.cuts,
      })
      await noteCommit(done)
      return done.result
    },
  )
}

function drawExpired(expired: readonly ExpiredTable[], options: ExpireOptions): readonly string[] {
  const lines = drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'snapshots expired', align: 'right' },
      { title: 'tags dropped', align: 'right' },
      { title: 'kept for cuts', align: 'right' },
    ],
    expired.map(({ table, expiredIds, droppedRefs, neededCount }) => [
      table,
      formatCount(expiredIds.length),
      formatCount(droppedRefs.length),
      formatCount(neededCount),
    ]),
  )
  const isKept = !options.cuts && expired.some(({ neededCount }) => neededCount > 0)
  return isKept ? [...lines, 'cuts can still be read; --cuts gives old ones up too'] : lines
}
