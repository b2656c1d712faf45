import type { Command } from 'commander'
import { rewriteManifests } from '../../../tables/maintain/rewrite-manifests.ts'
import { tableKey } from '../../../tables/spec/table-identifier.ts'
import { CUTS_TABLE, lakeCommitContext } from '../../lake/lake-commit-context.ts'
import { chooseLakeTables } from '../../lake/lake-table-names.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { sizeOption } from '../parse-size.ts'
import { drawTextTable } from '../text-table.ts'

interface ManifestsOptions extends LakeOptions {
  readonly targetSize?: number
  readonly force: boolean
}

interface ManifestLine {
  readonly table: string
  readonly replacedCount: number
  readonly createdCount: number
  readonly keptCount: number
}

export function addManifestsCommand(maintain: Command, context: CommandContext): void {
  const command = maintain
    .command('manifests')
    .description('few manifests of many, in the order of the partitions; no file changes')
    .argument('[tables...]', 'such as gold.bars (default: all)')
    .option('--target-size <size>', "of a manifest (default: the table's, or 8MiB)", sizeOption)
    .option('--force', 'those that are few already too', false)
  addLakeOptions(command, context).action(
    async (tables: readonly string[], options: ManifestsOptions) => {
      const lines = await runManifests(context, tables, options)
      if (options.json) printJson(context, lines)
      else for (const line of drawLines(lines)) printLine(context, line)
    },
  )
}

async function runManifests(
  context: CommandContext,
  tables: readonly string[],
  options: ManifestsOptions,
): Promise<readonly ManifestLine[]> {
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  return withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice maintain manifests',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    async ({ lake, fence, noteCommit }) => {
      const lines: ManifestLine[] = []
      for (const identifier of chooseLakeTables(lake, tables)) {
        const done = await rewriteManifests(lakeCommitContext(lake), {
          cutsTable: CUTS_TABLE,
          identifier,
          afterCut: fence,
          rules: {
            isForced: options.force,
            ...(options.targetSize === undefined ? {} : { targetSizeBytes: options.targetSize }),
          },
        })
        await noteCommit(done)
        const { replacedCount, createdCount, keptCount } = done.result
        lines.push({ table: tableKey(identifier), replacedCount, createdCount, keptCount })
      }
      return lines
    },
  )
}

function drawLines(lines: readonly ManifestLine[]): readonly string[] {
  return drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'manifests before', align: 'right' },
      { title: 'manifests after', align: 'right' },
    ],
    lines.map(({ table, replacedCount, createdCount, keptCount }) =>
      replacedCount === 0
        ? [table, formatCount(keptCount), 'nothing to do']
        : [table, formatCount(replacedCount + keptCount), formatCount(createdCount + keptCount)],
    ),
  )
}
