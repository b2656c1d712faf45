import type { Command } from 'commander'
import { relocateLake, type RelocatedLake } from '../../lake/relocate-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'

const notes = `
Iceberg names files by absolute locations, so a folder that was moved or copied is no lake of its
new place by itself. What names files is written anew there; the old place is not touched. Where
the command is cut off, run it again.`

export function addRelocateCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('relocate')
    .description('makes a moved or copied lake folder a lake of the place where it is now')
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: LakeOptions) => {
    const { clock, ids, environment } = context
    const { engine } = environment
    const result = await relocateLake({ directory: options.lake, clock, ids, engine })
    if (options.json) printJson(context, result)
    else for (const line of drawResult(result)) printLine(context, line)
  })
}

function drawResult(result: RelocatedLake): readonly string[] {
  const { from, to, isMoved, isCopy } = result
  if (!isMoved) return [`${to} is a lake of this place already: nothing to do`]
  const counts: readonly (readonly [number, string])[] = [
    [result.tableCount, 'tables and views'],
    [result.metadataFileCount, 'metadata files'],
    [result.manifestListCount, 'manifest lists'],
    [result.manifestCount, 'manifests'],
    [result.deleteFileCount, 'delete files'],
    [result.deleteRecordCount, 'records of files to delete'],
  ]
  const written = counts.map(([count, what]) => `${formatCount(count)} ${what}`).join(', ')
  return [
    from,
    `  is now ${to}`,
    `  written anew: ${written}`,
    ...(isCopy ? [`  the lake at the old place is as it was; this one is a copy`] : []),
  ]
}
