import type { Command } from 'commander'
import { openLake } from '../lake/open-lake.ts'
import type { Lake } from '../lake/lake.ts'
import type { CommandContext } from './command-context.ts'

/** The options that every command takes. */
export interface LakeOptions {
  readonly lake: string
  readonly json: boolean
  readonly extension: readonly string[]
}

/** `--extension` and SLUICE_EXTENSIONS are loaded before the command's work begins. */
export function addLakeOptions(command: Command, context: CommandContext): Command {
  command.hook('preAction', async (_, called) => {
    const { extension } = called.opts<LakeOptions>()
    const paths = [...context.environment.extensions, ...extension]
    if (paths.length === 0) return
    const { loadExtensions } = await import('../config/load-extensions.ts')
    context.model.current = await loadExtensions(paths, process.cwd(), context.model.current)
  })
  return command
    .option(
      '--extension <file>',
      'a module with kinds and formats of your own; may come again (env SLUICE_EXTENSIONS)',
      (file: string, others: readonly string[]) => [...others, file],
      [],
    )
    .option(
      '--lake <dir>',
      "the lake's folder (env SLUICE_LAKE)",
      context.environment.lakeDirectory ?? './lake',
    )
    .option('--json', 'one JSON document on stdout and nothing else', false)
}

/** The lake of a config, unless the caller named another by --lake or SLUICE_LAKE. */
export function configuredLake(
  command: Command,
  context: CommandContext,
  options: LakeOptions,
  configured: string,
): string {
  const isNamed =
    command.getOptionValueSource('lake') === 'cli' ||
    context.environment.lakeDirectory !== undefined
  return isNamed ? options.lake : configured
}

/**
 * Opens a lake that is there for reading, and closes it whatever happens.
 * @param options `isInspected`: a table that is gone is not made anew
 * @throws SluiceError `invalid-input` where there is none.
 */
export async function withLake<T>(
  context: CommandContext,
  directory: string,
  use: (lake: Lake) => Promise<T>,
  options: { readonly isInspected?: boolean } = {},
): Promise<T> {
  const { clock, ids, environment } = context
  const lake = await openLake({
    directory,
    clock,
    ids,
    createIfMissing: false,
    model: context.model.current,
    secrets: environment.secrets,
    engine: environment.engine,
    ...options,
  })
  const release = lake.holdCopies()
  try {
    return await use(lake)
  } finally {
    release()
    await lake.close()
  }
}
