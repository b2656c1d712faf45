import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servedCatalogOf } from '../../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planRelation } from '../../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../../shared-transforms/content-hash.ts'
import { trinoDialect } from '../../../shared-transforms/dialect.ts'
import type { TrinoStores } from '../../../stack/trino-settings.ts'
import { startRestServer, type RestServer } from '../../../tables/catalog/rest-server.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { stringifyJson } from '../../../tables/spec/json.ts'
import type { TableDefinition } from '../../../tables/spec/table-definition.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import {
  lakeStates,
  openStockLake,
  type LakeStates,
  type StockLake,
  stockLakeTables,
} from '../../support/stock-lake.ts'
import { auditorQueries } from '../../support/auditor-queries.ts'
import { repositoryRoot } from '../../support/data.ts'
import { wholeRows } from '../../support/print-table.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'

const CATALOG = newTrinoCatalog('stock')

/** A lake that the loop made, and how Trino gets at its files. */
export interface TrinoReadLake extends StockLake {
  readonly trinoStores?: TrinoStores
}

/** Trino reads a lake that the loop made: every table, every state, the metadata tables. */
export function describeTrinoReads(
  trinoOf: () => TestTrino,
  open: () => Promise<TrinoReadLake> = openStockLake,
): void {
  describe('as a reader of the lake', () => {
    let lake: Lake
    let states: LakeStates
    let server: RestServer
    let trino: TestTrino

    beforeAll(async () => {
      trino = trinoOf()
      const opened = await open()
      ;({ lake, states } = opened)
      server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
      await trino.attach(CATALOG, server.url, opened.trinoStores)
    })

    afterAll(async () => {
      await trino.detach(CATALOG)
      await server.close()
      await lake.close()
    })

    async function metadataOf(name: string): Promise<TableMetadata> {
      return headOf(await loadHeads(lake), name).metadata
    }

    async function hashOurs(table: TableDefinition, snapshotId?: bigint): Promise<unknown> {
      const of = snapshotId === undefined ? {} : { snapshotId }
      const metadata = await metadataOf(table.name)
      const plan = await planScan({ fileIO: lake.fileIO, metadata, ...of })
      const session = await lake.engine.connect()
      try {
        return await session.rows(contentHashSql(wholeRows(table), await planRelation(lake, plan)))
      } finally {
        session.close()
      }
    }

    function hashTheirs(table: TableDefinition, version = ''): Promise<unknown> {
      const relation = `${CATALOG}.${table.name} ${version}`
      return trino.query(contentHashSql(wholeRows(table), relation, trinoDialect))
    }

    it('finds nothing wrong by the queries for auditors, word for word', async () => {
      for (const { name, sql } of auditorQueries()) {
        const inCatalog = sql.replaceAll(
          /\b(FROM|JOIN) (bronze|silver|gold|sluice)\./g,
          `$1 ${CATALOG}.$2.`,
        )
        expect(await trino.query(inCatalog), name).toEqual([])
      }
    })

    it('answers the query for days that were taken over, and there are none', async () => {
      const text = readFileSync(join(repositoryRoot, 'docs', 'take-overs.sql'), 'utf8')
      const sql = text.replace(/;\s*$/, '').replaceAll(/\bFROM (sluice)\./g, `FROM ${CATALOG}.$1.`)
      expect(await trino.query(sql)).toEqual([])
    })

    it('answers the query for the bars known at a time, word for word, as we do', async () => {
      const text = readFileSync(join(repositoryRoot, 'docs', 'bars-known-at.sql'), 'utf8')
      const [cut] = await trino.query<{ time: string }>(
        `SELECT CAST(max(committed_ts) AT TIME ZONE 'UTC' AS varchar) AS time ` +
          `FROM ${CATALOG}.sluice.cuts`,
      )
      const sql = text
        .replace('2025-01-15 12:00:00 UTC', cut?.time ?? '')
        .replace(/;\s*$/, '')
        .replaceAll(/\bFROM (gold|sluice)\./g, `FROM ${CATALOG}.$1.`)
      const counted = `SELECT count(*) AS n, sum(trade_count) AS trades FROM`
      const sealed = `${CATALOG}.gold.bars WHERE is_sealed`
      const known = await trino.query(`${counted} (${sql})`)
      expect(known).toEqual(await trino.query(`${counted} ${sealed}`))
    })

    it.each(lakeStates)('sees the rows of every table at state "%s" as we do', async (state) => {
      for (const table of stockLakeTables) {
        const snapshotId = BigInt(states[state][table.name] ?? '')
        const ours = await hashOurs(table, snapshotId)
        expect(await hashTheirs(table, `FOR VERSION AS OF ${snapshotId}`), table.name).toEqual(ours)
      }
    })

    it('sees the heads without a snapshot being named', async () => {
      for (const table of stockLakeTables) {
        expect(await hashTheirs(table), table.name).toEqual(await hashOurs(table))
      }
    })

    it('sees the columns as they are declared: types, duties and comments', async () => {
      for (const { name, columns } of stockLakeTables) {
        const [namespace, table] = name.split('.')
        const found = await trino.query(
          `SELECT column_name AS name, data_type AS type, is_nullable = 'NO' AS required, ` +
            `comment AS doc FROM ${CATALOG}.information_schema.columns WHERE table_schema = ` +
            `'${namespace}' AND table_name = '${table}' ORDER BY ordinal_position`,
        )
        const declared = columns.map(({ name: column, type, isRequired: required, doc }) => {
          return { name: column, type: trinoTypes[type] ?? type.replace(', ', ','), required, doc }
        })
        expect(found, name).toEqual(declared)
      }
    })

    it('finds a kept cut by its tag', async () => {
      for (const table of stockLakeTables.filter(({ name }) => name.startsWith('gold.'))) {
        const { refs } = await metadataOf(table.name)
        const tags = Object.entries(refs).filter(([, { type }]) => type === 'tag')
        expect(tags.length).toBeGreaterThan(0)
        for (const [tag, ref] of tags.slice(0, 3)) {
          const ours = await hashOurs(table, ref['snapshot-id'])
          expect(await hashTheirs(table, `FOR VERSION AS OF '${tag}'`), tag).toEqual(ours)
        }
      }
    })

    it('finds the state of an instant of the dense window', async () => {
      const { 'snapshot-log': log } = await metadataOf('gold.bars')
      const [entry, next] = log.slice(-12)
      if (entry === undefined || next === undefined) throw new Error('the log is short')
      const instant = new Date(entry['timestamp-ms']).toISOString().replace('T', ' ').slice(0, -1)
      const bars = stockLakeTables.filter(({ name }) => name === 'gold.bars')
      for (const table of bars) {
        const theirs = await hashTheirs(table, `FOR TIMESTAMP AS OF TIMESTAMP '${instant} UTC'`)
        expect(theirs).toEqual(await hashOurs(table, entry['snapshot-id']))
      }
    })

    it('counts in its metadata tables what our metadata holds', async () => {
      for (const { name } of stockLakeTables) {
        const metadata = await metadataOf(name)
        const plan = await planScan({ fileIO: lake.fileIO, metadata })
        const [namespace, table] = name.split('.')
        const from = (kind: string) => `FROM ${CATALOG}."${namespace}"."${table}$${kind}"`
        const [row] = await trino.query(
          `SELECT (SELECT count(*) ${from('snapshots')}) AS snapshots, ` +
            `(SELECT count(*) ${from('refs')}) AS refs, ` +
            `(SELECT count(*) ${from('files')} WHERE content = 0) AS files, ` +
            `(SELECT sum(record_count) ${from('files')} WHERE content = 0) AS records, ` +
            `(SELECT count(*) ${from('partitions')}) AS partitions, ` +
            `(SELECT count(*) ${from('properties')} WHERE key = 'format-version') AS version`,
        )
        const partitions = new Set(plan.tasks.map(({ file }) => stringifyJson(file.partition)))
        const records = plan.tasks.reduce((sum, { file }) => sum + file.recordCount, 0)
        expect(row, name).toEqual({
          snapshots: BigInt(metadata.snapshots.length),
          refs: BigInt(Object.keys(metadata.refs).length),
          files: BigInt(plan.tasks.length),
          records: BigInt(records),
          partitions: BigInt(partitions.size),
          version: 1n,
        })
      }
    })

    it('meets live position deletes after a late repair, and none of them before', async () => {
      const deletes = async (state: 'repaired' | 'early') => {
        const id = states[state]['gold.bars'] ?? ''
        const [row] = await trino.query<{ n: string }>(
          `SELECT element_at(summary, 'total-delete-files') AS n ` +
            `FROM ${CATALOG}.gold."bars$snapshots" WHERE snapshot_id = ${id}`,
        )
        return Number(row?.n)
      }
      expect(await deletes('early')).toBe(0)
      expect(await deletes('repaired')).toBeGreaterThan(0)
    })

    it('proves by plain SQL that gold holds every row of silver, in each of its steps', async () => {
      const rows = await trino.query(
        `SELECT step, sum(trade_count) AS n, sum(volume) AS volume FROM ${CATALOG}.gold.bars ` +
          'GROUP BY step ORDER BY step',
      )
      const [silver] = await trino.query(
        `SELECT CAST(count(*) AS bigint) AS n, ` +
          `CAST(sum(quantity) AS decimal(38, 8)) AS volume FROM ${CATALOG}.silver.trades`,
      )
      expect(rows).toEqual(['1d', '1h', '1m', '5m'].map((step) => ({ step, ...silver })))
    })
  })
}

/** Iceberg's names of types, where Trino's are others. */
const trinoTypes: Readonly<Record<string, string>> = {
  ...{ string: 'varchar', long: 'bigint', int: 'integer', binary: 'varbinary' },
  timestamptz: 'timestamp(6) with time zone',
}
