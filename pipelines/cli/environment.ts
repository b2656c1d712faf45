/** What the surroundings say. The only place of the command line that reads them. */
export interface Environment {
  /** SLUICE_LAKE: the lake's folder where `--lake` is not given. */
  readonly lakeDirectory: string | undefined
  /** SLUICE_DEBUG: print stack traces of errors. */
  readonly isDebug: boolean
  /** SLUICE_CATALOG_TOKEN: what clients of a catalog that is open to the network must send. */
  readonly catalogToken: string | undefined
  /** SLUICE_FAULT: where to die in a commit, for proofs of recovery (`createFaultHooks`). */
  readonly fault: string | undefined
  /** TERM=dumb: a terminal that cannot move its cursor. */
  readonly isTerminalDumb: boolean
  /** NO_COLOR, as no-color.org says: any value that is not empty. */
  readonly isColourRefused: boolean
}

export function readEnvironment(): Environment {
  const variables = process.env
  return {
    lakeDirectory: nonEmpty(variables['SLUICE_LAKE']),
    isDebug: nonEmpty(variables['SLUICE_DEBUG']) !== undefined,
    catalogToken: nonEmpty(variables['SLUICE_CATALOG_TOKEN']),
    fault: nonEmpty(variables['SLUICE_FAULT']),
    isTerminalDumb: variables['TERM'] === 'dumb',
    isColourRefused: nonEmpty(variables['NO_COLOR']) !== undefined,
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}
