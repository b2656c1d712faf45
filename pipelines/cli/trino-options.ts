import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { SluiceError } from '../../tables/errors.ts'
import { checkTrinoAddress } from '../../tables/query/trino-connection.ts'
import { LAKE_IN_TRINO, type LakeInTrino } from '../lake/lake-in-trino.ts'
import type { CommandContext } from './command-context.ts'

export type { LakeInTrino } from '../lake/lake-in-trino.ts'

export interface TrinoOptions {
  readonly engine: 'duckdb' | 'trino'
  readonly trino?: string
  readonly trinoCatalog?: string
  readonly trinoUser?: string
  readonly trinoCa?: string
}

const DEFAULT_URL = 'http://127.0.0.1:8080'
const DEFAULT_USER = 'sluice'

export function addTrinoOptions(command: Command, { environment }: CommandContext): Command {
  const { url, user } = environment.trino
  return command
    .addOption(
      new Option('--engine <engine>', 'who does the work')
        .choices(['duckdb', 'trino'])
        .default('duckdb'),
    )
    .option(
      '--trino <url>',
      `address of Trino (env SLUICE_TRINO; default: ${url ?? DEFAULT_URL}); its password only ` +
        'from env SLUICE_TRINO_PASSWORD',
    )
    .option('--trino-catalog <name>', `the lake's name in Trino (default: ${LAKE_IN_TRINO})`)
    .option(
      '--trino-user <name>',
      `as whom to ask it (env SLUICE_TRINO_USER; default: ${user ?? DEFAULT_USER})`,
    )
    .option('--trino-ca <file>', 'PEM of an authority to trust for https, beside the known ones')
}

/**
 * The Trino that is to run a statement; undefined where DuckDB is to.
 * @throws SluiceError `invalid-input` for options that do not go together, and for an address to
 * which a password must not be sent.
 */
export async function trinoAddressOf(
  { environment }: CommandContext,
  options: TrinoOptions,
): Promise<LakeInTrino | undefined> {
  const { trino, trinoCatalog, trinoUser, trinoCa } = options
  if (options.engine !== 'trino') {
    const isForTrino = [trino, trinoCatalog, trinoUser, trinoCa].some((each) => each !== undefined)
    if (!isForTrino) return undefined
    throw new SluiceError(
      'invalid-input',
      '--trino, --trino-catalog, --trino-user and --trino-ca go with --engine trino. Nothing was ' +
        'run. Add it, or leave them out.',
    )
  }
  const { url, user, password } = environment.trino
  const address = {
    url: trino ?? url ?? DEFAULT_URL,
    user: trinoUser ?? user ?? DEFAULT_USER,
    catalog: trinoCatalog ?? LAKE_IN_TRINO,
    ...(password === undefined ? {} : { password }),
  }
  checkTrinoAddress(address)
  if (trinoCa === undefined) return address
  return { ...address, authorities: await readAuthorities(trinoCa) }
}

async function readAuthorities(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SluiceError(
      'invalid-input',
      `The file ${path} of --trino-ca cannot be read. Nothing was run. Name a PEM file.`,
      { cause },
    )
  })
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new SluiceError(
    'invalid-input',
    `The file ${path} of --trino-ca holds no certificate. Nothing was run. Name a PEM file.`,
  )
}
