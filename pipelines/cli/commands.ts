import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'

type AddCommand = (program: Command, context: CommandContext) => void

/**
 * Every command by its name, in the order of the help. A command's modules are loaded when it is
 * wanted: all of them together (broker client, web server, archives) take a second of CPU.
 */
const loaders: Readonly<Record<string, () => Promise<AddCommand>>> = {
  demo: async () => (await import('./commands/demo.ts')).addDemoCommand,
  live: async () => (await import('./commands/live.ts')).addLiveCommand,
  produce: async () => (await import('./commands/produce.ts')).addProduceCommand,
  backfill: async () => (await import('./commands/backfill.ts')).addBackfillCommand,
  replay: async () => (await import('./commands/replay.ts')).addReplayCommand,
  seal: async () => (await import('./commands/seal.ts')).addSealCommand,
  sql: async () => (await import('./commands/sql.ts')).addSqlCommand,
  tables: async () => (await import('./commands/tables.ts')).addTablesCommand,
  describe: async () => (await import('./commands/describe.ts')).addDescribeCommand,
  history: async () => (await import('./commands/history.ts')).addHistoryCommand,
  cuts: async () => (await import('./commands/cuts.ts')).addCutsCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  verify: async () => (await import('./commands/verify.ts')).addVerifyCommand,
  rejects: async () => (await import('./commands/rejects.ts')).addRejectsCommand,
  check: async () => (await import('./commands/check.ts')).addCheckCommand,
  alter: async () => (await import('./commands/alter.ts')).addAlterCommand,
  tag: async () => (await import('./commands/tag.ts')).addTagCommand,
  rollback: async () => (await import('./commands/rollback.ts')).addRollbackCommand,
  'cherry-pick': async () => (await import('./commands/cherry-pick.ts')).addCherryPickCommand,
  maintain: async () => (await import('./commands/maintain.ts')).addMaintainCommand,
  relocate: async () => (await import('./commands/relocate.ts')).addRelocateCommand,
  upgrade: async () => (await import('./commands/upgrade.ts')).addUpgradeCommand,
  catalog: async () => (await import('./commands/catalog.ts')).addCatalogCommand,
}

/** The command that the call names first; all of them for the help and for a call that is wrong. */
export async function loadCommands(argv: readonly string[]): Promise<readonly AddCommand[]> {
  const [name] = argv
  if (name === '--version' || name === '-V') return []
  const isKnown = name !== undefined && Object.hasOwn(loaders, name)
  const wanted = isKnown ? [loaders[name]] : Object.values(loaders)
  return Promise.all(wanted.flatMap((load) => (load === undefined ? [] : [load()])))
}
