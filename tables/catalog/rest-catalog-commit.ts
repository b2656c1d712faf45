import { isAlreadyApplied, isAlreadyCreated } from '../commit/already-applied.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { ATOMIC_TRANSACTIONS_KEY, type AtomicTransactions } from './atomic-transactions.ts'
import type { Catalog, LoadedTable, TableCommit } from './catalog.ts'
import { noSuchTable, notAtomic } from './catalog-errors.ts'
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
    if (commits.length > 1 && !catalog.capabilities.atomicMultiTable) {
      throw notAtomic(commits.length)
    }
    try {
      return commits.length === 1
        ? [await commitTable(client, only)]
        : await commitTables(client, catalog, commits)
    } catch (error) {
      if (!isErrorKind(error, 'commit-conflict')) throw error
      return ifLanded(catalog, commits, error)
    }
  }
}

async function commitTables(
  client: RestClient,
  catalog: Pick<Catalog, 'loadTable'>,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
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

/** A refusal of what had landed before is no refusal. Not every catalog looks for that itself. */
async function ifLanded(
  catalog: Pick<Catalog, 'loadTable'>,
  commits: readonly TableCommit[],
  refusal: SluiceError,
): Promise<readonly LoadedTable[]> {
  const tables: LoadedTable[] = []
  let hasLanded = false
  for (const { identifier, requirements, updates } of commits) {
    const table = await catalog.loadTable(identifier).catch(() => undefined)
    if (table === undefined) throw refusal
    const isCreate = requirements.some((requirement) => requirement.type === 'assert-create')
    // A commit lands whole, so one table that has it is proof for all of them.
    hasLanded ||= isCreate
      ? isAlreadyCreated(table.metadata, updates)
      : isAlreadyApplied(table.metadata, updates)
    tables.push(table)
  }
  if (!hasLanded) throw refusal
  return tables
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
