import { setTimeout as delay } from 'node:timers/promises'

import type { Lake } from '../../pipelines/lake/lake.ts'
import { createTrinoQuery } from '../../tables/query/trino-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { TRINO_CATALOG, type TestTrino } from './trino.ts'
import { lookAtCut, type SeenCut } from './whole-cuts.ts'

/** What a reader saw that looks again and again by Trino. */
export interface TrinoSeen {
  readonly looks: readonly SeenCut[]
  /** Of the looks that failed: what Trino says of servers that are away is its own matter. */
  readonly failures: readonly string[]
}

const PAUSE_MS = 100
/** A look at stores that are away may wait long in Trino; it is given up, and the next one tried. */
const LOOK_MS_MAX = 30_000

export interface TrinoReader {
  /** Resolves once a look has shown so many messages. */
  untilSeen(messageCount: number): Promise<void>
  stop(): Promise<TrinoSeen>
}

/** Looks at all tables of a lake at one cut, by a Trino that sees its catalog as TRINO_CATALOG. */
export function startTrinoReader(trino: TestTrino, lake: Lake): TrinoReader {
  const address = { url: trino.url, user: 'test', catalog: TRINO_CATALOG }
  const parts = { catalog: lake.catalog, cutsTable: tableId('sluice.cuts'), trino: address }
  const { query } = createTrinoQuery(parts)
  const stop = new AbortController()
  const looks: SeenCut[] = []
  const failures: string[] = []

  const look = async (): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS_MAX)])
    try {
      const seen = await lookAtCut({ query: (sql) => query(sql, {}, { signal }) })
      if (seen !== undefined) looks.push(seen)
    } catch (error) {
      failures.push(String(error))
    }
  }
  const lookAgain = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await look()
      await delay(PAUSE_MS)
    }
  }
  const looking = lookAgain()
  return {
    untilSeen: async (messageCount) => {
      while ((looks.at(-1)?.messages ?? 0n) < BigInt(messageCount)) await delay(PAUSE_MS)
    },
    stop: async () => {
      stop.abort()
      await looking
      return { looks, failures }
    },
  }
}
