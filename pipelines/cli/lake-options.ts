import type { Command } from 'commander'
import { openLake } from '../lake/open-lake.ts'
import type { Lake } from '../lake/lake.ts'
import type { CommandContext } from './command-context.ts'

/** The options that every command takes. */
export interface LakeOptions {
  readonly lake: string
  readonly json: boolean
}

export function addLakeOptions(command: Command, context: CommandContext): Command {
  return command
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
    secrets: environment.secrets,
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
