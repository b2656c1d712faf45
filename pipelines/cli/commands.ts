import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'
import { addBackfillCommand } from './commands/backfill.ts'
import { addCatalogCommand } from './commands/catalog.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCutsCommand } from './commands/cuts.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addLiveCommand } from './commands/live.ts'
import { addProduceCommand } from './commands/produce.ts'
import { addSqlCommand } from './commands/sql.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTablesCommand } from './commands/tables.ts'

/** Every command, in the order of the help. */
export const commands: readonly ((program: Command, context: CommandContext) => void)[] = [
  addDemoCommand,
  addLiveCommand,
  addProduceCommand,
  addBackfillCommand,
  addSqlCommand,
  addTablesCommand,
  addCutsCommand,
  addStatusCommand,
  addCheckCommand,
  addCatalogCommand,
]
