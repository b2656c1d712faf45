/**
 * Messages that were taken out of bronze on purpose, as by an age. The receipts go on counting
 * them; what verifies bronze takes them off. This is where a lake says so.
 */
export interface BronzeRetention {
  /** How many messages that a cut took from a source part (`partKey`) are no longer kept. */
  removedCount(cutNumber: number, part: string): bigint
}

/** Bronze keeps all that it ever took in. */
export const everythingKept: BronzeRetention = { removedCount: () => 0n }
