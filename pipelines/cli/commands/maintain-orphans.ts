import { Option, type Command } from 'commander'
import type { FileStat } from '../../../tables/file-io/file-io.ts'
import { ORPHAN_AGE_MS_DEFAULT } from '../../../tables/maintain/remove-orphan-files.ts'
import { cleanDeadScratch } from '../../backfill/by-trino/clean-scratch.ts'
import { findLakeOrphans } from '../../lake/find-lake-orphans.ts'
import type { Lake } from '../../lake/lake.ts'
import { chooseLakeTables } from '../../lake/lake-table-names.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatSize } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { durationOption } from '../parse-duration.ts'

interface OrphansOptions extends LakeOptions {
  readonly olderThan: number
  readonly delete: boolean
}

const notes = `
A commit that is just being made, by any engine, has files that nothing names yet: that is why the
age is a day at least. Look at the list first; only --delete deletes. It also drops the scratch
tables of backfills by Trino that were killed, whatever their age.`

export function addOrphansCommand(maintain: Command, context: CommandContext): void {
  const command = maintain
    .command('orphans')
    .description('lists files that no table names, and deletes them with --delete')
    .argument('[tables...]', 'such as gold.bars (default: all)')
    .addOption(
      new Option('--older-than <age>', 'only older files, 1d at least')
        .argParser(durationOption)
        .default(ORPHAN_AGE_MS_DEFAULT, '3d'),
    )
    .option('--delete', 'deletes them', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(
    async (tables: readonly string[], options: OrphansOptions) => {
      const files = await runOrphans(context, tables, options)
      if (options.json) printJson(context, { isDeleted: options.delete, files })
      else for (const line of drawFiles(files, options.delete)) printLine(context, line)
    },
  )
}

async function runOrphans(
  context: CommandContext,
  tables: readonly string[],
  options: OrphansOptions,
): Promise<readonly FileStat[]> {
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  const requestOf = (lake: Lake) => ({
    tables: chooseLakeTables(lake, tables),
    olderThanMs: options.olderThan,
    isDelete: options.delete,
  })
  if (!options.delete) {
    return withLake(context, options.lake, (lake) => findLakeOrphans(lake, requestOf(lake)))
  }
  return withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice maintain orphans',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    async ({ lake }) => {
      await cleanDeadScratch(lake)
      return findLakeOrphans(lake, requestOf(lake))
    },
  )
}

function drawFiles(files: readonly FileStat[], isDeleted: boolean): readonly string[] {
  if (files.length === 0) return ['no file that nothing names']
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  const sum = `${formatCount(files.length)} files, ${formatSize(sizeBytes)}`
  return [
    ...files.map(
      ({ location, sizeBytes: size, modifiedMs }) =>
        `${formatInstant(BigInt(Math.round(modifiedMs)) * 1000n)}  ${formatSize(size)}  ${location}`,
    ),
    isDeleted ? `${sum}: deleted` : `${sum}: nothing was deleted; --delete deletes them`,
  ]
}
