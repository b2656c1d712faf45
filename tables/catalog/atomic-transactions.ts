/**
 * By this key of its configuration a catalog says that its `transactions/commit` is all or nothing,
 * for readers too. That it lists the endpoint does not say so: the reference implementation lists
 * it, and commits one table after the other.
 */
export const ATOMIC_TRANSACTIONS_KEY = 'sluice.atomic-transactions'

/**
 * Whose word is taken for transactions over several tables.
 *  - `marked`: only a catalog's own (`ATOMIC_TRANSACTIONS_KEY`)
 *  - `advertised`: any that lists the endpoint, for one that is known to be atomic
 *  - `never`
 */
export const atomicTransactionsModes = ['marked', 'advertised', 'never'] as const

export type AtomicTransactions = (typeof atomicTransactionsModes)[number]
