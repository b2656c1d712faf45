import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { restoreLoop } from '../../loop/restore-loop.ts'
import { findOldBronze, retireBronze, type OldBronze } from '../../loop/retire-bronze.ts'
import { loopOptionsOf } from '../../replay/replay-options.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { durationOption } from '../parse-duration.ts'

interface RetentionOptions extends LakeOptions {
  /** Milliseconds. */
  readonly olderThan: number
  readonly dryRun: boolean
}

const notes = `
By whole files, in a cut; silver and gold stay, and sluice.cuts says how many messages left. Days of
which messages left cannot be derived from bronze any more. The files themselves are deleted once
no cut that is kept names them. \`retention.bronze_days\` of the config lets \`sluice live\` do it.`

export function addRetentionCommand(maintain: Command, context: CommandContext): void {
  const command = maintain
    .command('retention')
    .description('takes old messages out of bronze, of days that are sealed')
    .addOption(
      new Option('--older-than <age>', 'as in 12h or 90d')
        .argParser(durationOption)
        .makeOptionMandatory(),
    )
    .option('--dry-run', 'only says what would go', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: RetentionOptions) => {
    const { old, cutNumber } = await runRetention(context, options)
    if (options.json) printJson(context, { ...factsOf(old), cutNumber: cutNumber ?? null })
    else printLine(context, textOf(old, cutNumber))
  })
}

async function runRetention(
  context: CommandContext,
  options: RetentionOptions,
): Promise<{ old: OldBronze | undefined; cutNumber?: number }> {
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  return withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice maintain retention',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    async ({ lake, noteCommit }) => {
      const session = await lake.engine.connect()
      try {
        const writer = `retention@${hostname()}:${process.pid}`
        const restored = await restoreLoop(loopOptionsOf({ lake, writer }, 'retention'), session)
        if (options.dryRun) return { old: await findOldBronze(restored, options.olderThan) }
        const retired = await retireBronze(restored, options.olderThan)
        if (retired === undefined) return { old: undefined }
        await noteCommit(retired.committed)
        return { old: retired, cutNumber: retired.committed.cutNumber }
      } finally {
        session.close()
      }
    },
  )
}

function factsOf(old: OldBronze | undefined) {
  return {
    messageCount: old?.messageCount ?? 0,
    fileCount: old?.fileCount ?? 0,
    wholeFromDay: old?.removed.wholeFromDay ?? null,
  }
}

function textOf(old: OldBronze | undefined, cutNumber: number | undefined): string {
  if (old === undefined) return 'nothing in bronze is that old, or its days are not sealed'
  const what =
    `${formatCount(old.messageCount)} messages in ${formatCount(old.fileCount)} files; ` +
    `bronze is whole from ${old.removed.wholeFromDay} on`
  return cutNumber === undefined ? `would go: ${what}` : `cut ${cutNumber} removed ${what}`
}
