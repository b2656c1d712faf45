import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addCompactCommand } from './maintain-compact.ts'
import { addExpireCommand } from './maintain-expire.ts'
import { addManifestsCommand } from './maintain-manifests.ts'
import { addOrphansCommand } from './maintain-orphans.ts'
import { addRetentionCommand } from './maintain-retention.ts'

const notes = `
The loop does all of this by itself, a little after each cut; these commands are for more at once,
and for what other engines left. Files that nothing names any more are deleted an hour later, so
that running queries can end.`

export function addMaintainCommand(program: Command, context: CommandContext): void {
  const maintain = program
    .command('maintain')
    .description('housekeeping on tables: compact, manifests, expire, orphans, retention')
    .addHelpText('after', notes)
  addCompactCommand(maintain, context)
  addManifestsCommand(maintain, context)
  addExpireCommand(maintain, context)
  addOrphansCommand(maintain, context)
  addRetentionCommand(maintain, context)
}
