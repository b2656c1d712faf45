import type { Command } from 'commander'
import { upgradeLake, type Upgrade } from '../../lake/upgrade-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'

interface UpgradeCommandOptions extends LakeOptions {
  readonly dryRun: boolean
}

export function addUpgradeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('upgrade')
    .description('brings a lake that an older Sluice made to the present layout')
    .option('--dry-run', 'only says what would be done', false)
  addLakeOptions(command, context).action(async (options: UpgradeCommandOptions) => {
    const { clock, ids } = context
    const isDryRun = options.dryRun
    const upgrade = await upgradeLake({
      directory: options.lake,
      clock,
      ids,
      isDryRun,
      engine: context.environment.engine,
      model: context.model.current,
    })
    if (options.json) printJson(context, { ...upgrade, isDryRun })
    else for (const line of drawUpgrade(upgrade, isDryRun)) printLine(context, line)
  })
}

function drawUpgrade(upgrade: Upgrade, isDryRun: boolean): readonly string[] {
  const { directory, fromVersion, toVersion, does } = upgrade
  if (does.length === 0) return [`${directory} has layout ${toVersion} already: nothing to do`]
  return [
    `${directory}: layout ${fromVersion} ${isDryRun ? 'would become' : 'is now'} ${toVersion}`,
    ...does.map((one) => `  ${one}`),
    ...(isDryRun ? ['nothing was changed'] : []),
  ]
}
