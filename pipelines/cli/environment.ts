import { isAbsolute, join } from 'node:path'
import type { CatalogToken } from '../../tables/catalog/rest-server-access.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { LakeSecrets } from '../lake/lake-secrets.ts'
import type { VendedAccount } from '../lake/serve-catalog.ts'

/** What the surroundings say. The only place of the command line that reads them. */
export interface Environment {
  /** SLUICE_LAKE: the lake's folder where `--lake` is not given. */
  readonly lakeDirectory: string | undefined
  /** SLUICE_EXTENSIONS: files of extensions, with commas between. */
  readonly extensions: readonly string[]
  /** SLUICE_DEBUG: print stack traces of errors. */
  readonly isDebug: boolean
  /**
   * What clients of a catalog that is open to the network must send: SLUICE_CATALOG_TOKEN may do
   * everything, SLUICE_CATALOG_WRITE_TOKEN create and commit, SLUICE_CATALOG_READ_TOKEN read. Each
   * may be several with commas between, so that one can be replaced without a pause.
   */
  readonly catalogTokens: readonly CatalogToken[]
  /**
   * For a lake whose tables another catalog keeps: SLUICE_REST_TOKEN, or SLUICE_REST_CREDENTIAL
   * (`id:secret` of OAuth2 client credentials). For tables on HDFS: SLUICE_HDFS_TOKEN, a delegation
   * token. Accounts of S3 stores are found by the SDK (AWS_ACCESS_KEY_ID and its like, profiles).
   */
  readonly secrets: LakeSecrets
  /**
   * SLUICE_ENGINE_THREADS (a whole number from 1) and SLUICE_ENGINE_MEMORY (`800MB`, `2GB`): what
   * each engine of this process may take.
   */
  readonly engine: EngineLimits
  /**
   * SLUICE_VENDED_S3_ACCESS_KEY_ID and SLUICE_VENDED_S3_SECRET_ACCESS_KEY: an account of the S3
   * store that the catalog gives to its clients, SLUICE_VENDED_S3_ENDPOINT the store's address for
   * them. Without: each client has its own.
   */
  readonly vendedS3: VendedAccount | undefined
  /**
   * For `sluice sql --engine trino`: SLUICE_TRINO (its address), SLUICE_TRINO_USER, and
   * SLUICE_TRINO_PASSWORD, which no option takes: options are seen by everybody on the machine.
   */
  readonly trino: {
    readonly url: string | undefined
    readonly user: string | undefined
    readonly password: string | undefined
  }
  /** SLUICE_KAFKA_PASSWORD: of the user in `kafka.sasl` of the config. No file, no option has it. */
  readonly kafkaPassword: string | undefined
  /**
   * Where a prompt keeps what was typed: `sluice` in XDG_STATE_HOME, else in ~/.local/state.
   * Undefined where the user has no home.
   */
  readonly stateFolder: string | undefined
  /** SLUICE_FAULT: where to die in the work on a cut, for proofs of recovery (`createFaultHooks`). */
  readonly fault: string | undefined
  /** TERM=dumb: a terminal that cannot move its cursor. */
  readonly isTerminalDumb: boolean
  /** NO_COLOR, as no-color.org says: any value that is not empty. */
  readonly isColourRefused: boolean
}

/** @throws SluiceError `invalid-input` for limits of the engine that are none. */
export function readEnvironment(): Environment {
  const variables = process.env
  return {
    lakeDirectory: nonEmpty(variables['SLUICE_LAKE']),
    extensions: (variables['SLUICE_EXTENSIONS'] ?? '').split(',').filter((path) => path !== ''),
    isDebug: nonEmpty(variables['SLUICE_DEBUG']) !== undefined,
    catalogTokens: [
      ...tokensIn(variables['SLUICE_CATALOG_TOKEN'], 'admin'),
      ...tokensIn(variables['SLUICE_CATALOG_WRITE_TOKEN'], 'write'),
      ...tokensIn(variables['SLUICE_CATALOG_READ_TOKEN'], 'read'),
    ],
    secrets: {
      catalog: {
        token: nonEmpty(variables['SLUICE_REST_TOKEN']),
        credential: nonEmpty(variables['SLUICE_REST_CREDENTIAL']),
      },
      hdfsToken: nonEmpty(variables['SLUICE_HDFS_TOKEN']),
    },
    engine: engineLimitsIn(variables),
    vendedS3: vendedAccountIn(variables),
    trino: {
      url: nonEmpty(variables['SLUICE_TRINO']),
      user: nonEmpty(variables['SLUICE_TRINO_USER']),
      password: nonEmpty(variables['SLUICE_TRINO_PASSWORD']),
    },
    kafkaPassword: nonEmpty(variables['SLUICE_KAFKA_PASSWORD']),
    stateFolder: stateFolderIn(variables),
    fault: nonEmpty(variables['SLUICE_FAULT']),
    isTerminalDumb: variables['TERM'] === 'dumb',
    isColourRefused: nonEmpty(variables['NO_COLOR']) !== undefined,
  }
}

/** DuckDB counts in thousands for GB and in 1024 for GiB. */
const MEMORY = /^\d+(\.\d+)? ?([KMGT]i?B)$/

function engineLimitsIn(variables: NodeJS.ProcessEnv): EngineLimits {
  const threads = nonEmpty(variables['SLUICE_ENGINE_THREADS'])
  const memoryLimit = nonEmpty(variables['SLUICE_ENGINE_MEMORY'])
  if (threads !== undefined && !/^[1-9]\d{0,3}$/.test(threads)) {
    throw new SluiceError(
      'invalid-input',
      `SLUICE_ENGINE_THREADS is "${threads}". Nothing was started. Give a whole number from 1, or ` +
        'unset it for all processors.',
    )
  }
  if (memoryLimit !== undefined && !MEMORY.test(memoryLimit)) {
    throw new SluiceError(
      'invalid-input',
      `SLUICE_ENGINE_MEMORY is "${memoryLimit}". Nothing was started. Give a size such as 800MB or ` +
        "2GB, or unset it for the engine's own bound.",
    )
  }
  return { threads: threads === undefined ? undefined : Number(threads), memoryLimit }
}

function vendedAccountIn(variables: NodeJS.ProcessEnv): VendedAccount | undefined {
  const accessKeyId = nonEmpty(variables['SLUICE_VENDED_S3_ACCESS_KEY_ID'])
  const secretAccessKey = nonEmpty(variables['SLUICE_VENDED_S3_SECRET_ACCESS_KEY'])
  const endpoint = nonEmpty(variables['SLUICE_VENDED_S3_ENDPOINT'])
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return { accessKeyId, secretAccessKey, endpoint }
}

/** By the XDG Base Directory Specification, which passes over paths that are not absolute. */
function stateFolderIn(variables: NodeJS.ProcessEnv): string | undefined {
  const named = variables['XDG_STATE_HOME'] ?? ''
  if (isAbsolute(named)) return join(named, 'sluice')
  const home = nonEmpty(variables['HOME']) ?? nonEmpty(variables['USERPROFILE'])
  return home === undefined ? undefined : join(home, '.local', 'state', 'sluice')
}

function tokensIn(text: string | undefined, role: CatalogToken['role']): readonly CatalogToken[] {
  const tokens = (text ?? '').split(',').map((token) => token.trim())
  return tokens.filter((token) => token !== '').map((token) => ({ token, role }))
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}
