import { isErrorKind, SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { ATOMIC_TRANSACTIONS_KEY, type AtomicTransactions } from './atomic-transactions.ts'
import type { Catalog, LoadedTable, TableCommit } from './catalog.ts'
import { noSuchTable } from './catalog-errors.ts'
import { loadedTable, tableBody } from './rest-catalog-replies.ts'
import { purposeOf, type RestCall, type RestClient } from './rest-client.ts'

const TRANSACTION = 'POST /v1/{prefix}/transactions/commit'
const COMMIT = 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}'

export function isAtomic(client: RestClient, mode: AtomicTransactions): boolean {
  if (mode === 'never' || !client.offers(TRANSACTION)) return false
  return mode === 'advertised' || client.settings.properties[ATOMIC_TRANSACTIONS_KEY] === 'true'
}

/** Commits over a REST catalog. A commit is sent once: what becomes of it is the caller's to find. */
export function restCommit(
  client: RestClient,
  catalog: Pick<Catalog, 'capabilities' | 'loadTable'>,
): Catalog['commitTransaction'] {
  return async (commits) => {
    const [only] = commits
    if (only === undefined) return []
    if (commits.length === 1) return [await commitTable(client, only)]
    if (!catalog.capabilities.atomicMultiTable) throw notAtomic(commits)
    await client.call({
      method: 'POST',
      path: client.paths.root('transactions/commit'),
      endpoint: TRANSACTION,
      what: `The commit to ${commits.map(({ identifier }) => tableKey(identifier)).join(', ')}`,
      body: {
        'table-changes': commits.map(({ identifier, requirements, updates }) => ({
          identifier,
          requirements,
          updates,
        })),
      },
    })
    return loadCommitted(catalog, commits)
  }
}

async function commitTable(client: RestClient, commit: TableCommit): Promise<LoadedTable> {
  const { identifier, requirements, updates } = commit
  const call: RestCall = {
    method: 'POST',
    path: client.paths.table(identifier, 'tables'),
    endpoint: COMMIT,
    what: `The commit to ${tableKey(identifier)}`,
    body: { identifier, requirements, updates },
  }
  return loadedTable(identifier, await client.read(call, tableBody), purposeOf(call))
}

/** A transaction is answered without the tables. */
async function loadCommitted(
  catalog: Pick<Catalog, 'loadTable'>,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
  const identifiers = new Map<string, TableIdentifier>()
  for (const { identifier } of commits) identifiers.set(tableKey(identifier), identifier)
  try {
    return await Promise.all(
      [...identifiers.values()].map(async (identifier) => {
        const table = await catalog.loadTable(identifier)
        if (table === undefined) throw noSuchTable(identifier)
        return table
      }),
    )
  } catch (error) {
    // It has landed: whoever takes this for a failure would delete files that the tables need.
    if (isErrorKind(error, 'commit-state-unknown')) throw error
    throw new SluiceError(
      'commit-state-unknown',
      'The catalog has committed, but its tables could not be loaded after it. No file was ' +
        'deleted. Load them again.',
      { cause: error },
    )
  }
}

function notAtomic(commits: readonly TableCommit[]): SluiceError {
  return new SluiceError(
    'unsupported',
    `${commits.length} tables cannot be committed at one instant by this catalog. Nothing was ` +
      'committed; commit one table at a time, or say that the catalog is known to be atomic ' +
      '(atomicTransactions: advertised).',
  )
}
