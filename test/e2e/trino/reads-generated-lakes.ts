import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { servedCatalogOf } from '../../../pipelines/lake/served-catalog-of.ts'
import { type DayHash, hashedTables, hashLake } from '../../../pipelines/verify/hash-lake.ts'
import { contentHashSql } from '../../../shared-transforms/content-hash.ts'
import { trinoDialect } from '../../../shared-transforms/dialect.ts'
import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { randomIds } from '../../../tables/clock.ts'
import { generatedHistories } from '../../pipelines/loop/generate-history.ts'
import { historyMessages } from '../../pipelines/loop/history-messages.ts'
import { lawPlans } from '../../pipelines/loop/law-plan.ts'
import { type LawInput, runLaw } from '../../pipelines/loop/law-run.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'

const CATALOG = newTrinoCatalog('law')
/** Each starts a lake, serves its catalog, and asks for every table. */
const LAKE_COUNT = 3

/** What the law says of generated histories holds in Trino's eyes: its hashes are ours. */
export function describeTrinoLaw(trinoOf: () => TestTrino): void {
  describe('as the second judge of the law', () => {
    async function hashTheirs(lake: Lake): Promise<readonly DayHash[]> {
      const trino = trinoOf()
      const server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
      try {
        await trino.attach(CATALOG, server.url)
        const days: DayHash[] = []
        for (const definition of hashedTables(lake)) {
          const { name: table } = definition
          const relation = `${CATALOG}.${table}`
          const rows = await trino.query<{ day: unknown; row_count: bigint; hash: unknown }>(
            contentHashSql(definition, relation, trinoDialect),
          )
          for (const { day, row_count: rowCount, hash } of rows) {
            days.push({ table, day: String(day), rowCount, hash: String(hash) })
          }
        }
        return days
      } finally {
        await trino.detach(CATALOG)
        await server.close()
      }
    }

    it('hashes what generated histories made as we do', async () => {
      let rowCount = 0n
      const lakes = fc.asyncProperty(generatedHistories, lawPlans, async (history, plan) => {
        const folder = await mkdtemp(join(tmpdir(), 'sluice-law-'))
        const input = { history, plan, messages: historyMessages(history) }
        const inFolder = { directory: join(folder, 'lake'), ids: randomIds, createIfMissing: true }
        const open: LawInput['open'] = ({ clock, formatVersion = 2 }) =>
          openLake({ ...inFolder, clock, formatVersion })
        try {
          await runLaw({ ...input, open }, async (lake) => {
            const { days } = await hashLake({ lake })
            expect(await hashTheirs(lake)).toEqual(days)
            for (const day of days) rowCount += day.rowCount
          })
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      })
      await fc.assert(lakes, { numRuns: LAKE_COUNT, endOnFailure: true })
      expect(rowCount).toBeGreaterThan(0n)
    })
  })
}
