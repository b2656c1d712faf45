import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planRelation } from '../../pipelines/loop/loop-context.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import type { ColumnDefinition, TableDefinition } from '../../tables/spec/table-definition.ts'
import { runPython } from '../support/pyiceberg.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import {
  lakeStates,
  openStockLake,
  STOCK_LAKE_CUTS,
  type LakeStates,
  stockLakeTables,
} from '../support/stock-lake.ts'

interface TableRead {
  readonly data_files: number
  readonly delete_files: number
  readonly has_bounds: boolean
  readonly operation: string
  readonly row_count: number
  readonly sums: Readonly<Record<string, string | null>>
  readonly digest: string
  readonly doubles: readonly number[]
}

interface Answer {
  readonly schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly reads: Readonly<Record<string, Readonly<Record<string, TableRead>>>>
  readonly problems: readonly string[]
}

await describeWithService('pyiceberg', 'PyIceberg as a reader of the lake', () => {
  let folder: string
  let lake: Lake
  let server: RestServer
  let states: LakeStates
  let answer: Answer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice reads-'))
    ;({ lake, states } = await openStockLake())
    server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
    const request = join(folder, 'request.json')
    await writeFile(request, JSON.stringify({ url: server.url, states }))
    const script = join(import.meta.dirname, 'pyiceberg-reads.py')
    answer = JSON.parse((await runPython(script, [request])).stdout) as Answer
  })

  afterAll(async () => {
    await server.close()
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('has a lake before it with duplicates, refused rows and rejected messages', async () => {
    expect(await receiptProblems(lake)).toEqual([])
    expect(await readTotals(lake)).toMatchObject({
      ...{ duplicate_count: 22n, refused_count: 18n, rejected_count: 40n },
    })
    for (const [state, tables] of Object.entries(states)) {
      const names = stockLakeTables.map(({ name }) => name)
      expect(Object.keys(tables), state).toEqual(expect.arrayContaining(names))
    }
  })

  it.each(stockLakeTables.map((table) => [table.name, table] as const))(
    'sees the columns of %s as they are declared',
    (name, table) => {
      const { operations, ...shape } = answer.schemas[name] ?? {}
      expect(shape).toEqual(declaredShape(table))
      expect(operations).toEqual(name.startsWith('gold.') ? ['overwrite', 'replace'] : operations)
    },
  )

  it.each(lakeStates)('reads of every table at state "%s" what we read', async (state) => {
    const ours: Record<string, unknown> = {}
    const theirs: Record<string, unknown> = {}
    for (const table of stockLakeTables) {
      const read = answer.reads[state]?.[table.name]
      theirs[table.name] = {
        row_count: read?.row_count,
        sums: read?.sums,
        digest: read?.digest,
        doubles: read?.doubles,
      }
      ours[table.name] = await readOurs(lake, table, states[state][table.name] ?? '')
    }
    expect(theirs).toEqual(ours)
  })

  it('finds every silver row in one window of each of the four steps, at every state', () => {
    for (const [state, reads] of Object.entries(answer.reads)) {
      const counts = [
        reads['gold.bars']?.sums['trade_count'],
        reads['gold.spreads']?.sums['quote_count'],
      ]
      const rows = [reads['silver.trades']?.row_count, reads['silver.quotes']?.row_count]
      expect(counts, state).toEqual(rows.map((count) => String(Number(count) * 4)))
    }
  })

  it('finds every bound, count, size and partition in the manifests true', () => {
    expect(answer.problems).toEqual([])
    const reads = Object.values(answer.reads).flatMap((tables) => Object.values(tables))
    expect(reads.every((read) => read.has_bounds)).toBe(true)
  })

  it('meets position deletes after the late repair, and fewer files after compaction', () => {
    const bars = (state: string) => answer.reads[state]?.['gold.bars']
    expect(bars('early')?.delete_files).toBe(0)
    expect(bars('repaired')?.delete_files).toBeGreaterThan(0)
    expect(bars('head')?.data_files).toBeLessThan(32)
    // Refused messages come in one cut of five: the cut that compacted them is no kept one.
    const rejected = 'silver.rejected_messages'
    for (const { name } of stockLakeTables.filter((table) => table.name !== rejected)) {
      expect(answer.schemas[name]?.['operations'], name).toContain('replace')
    }
    expect(answer.reads['head']?.[rejected]?.data_files).toBeLessThan(STOCK_LAKE_CUTS / 5)
    expect(answer.reads['head']?.['bronze.trade_messages']?.data_files).toBeLessThan(
      STOCK_LAKE_CUTS / 2,
    )
  })
})

function declaredShape(table: TableDefinition) {
  const idOf = (name: string) => table.columns.find((column) => column.name === name)?.fieldId
  return {
    columns: table.columns.map(({ fieldId, name, type, isRequired, doc }) => [
      ...[fieldId, name, type, isRequired, doc],
    ]),
    partition: table.partition.map(({ column, transform }) => [
      ...[idOf(column), `${column}_${transform}`, transform],
    ]),
    sort: table.sort.map((column) => [idOf(column), 'asc']),
    doc: table.doc,
  }
}

/** The same facts by our own scan. */
async function readOurs(lake: Lake, table: TableDefinition, snapshotId: string) {
  const { metadata } = headOf(await loadHeads(lake), table.name)
  const { fileIO } = lake
  const plan = await planScan({ fileIO, metadata, snapshotId: BigInt(snapshotId) })
  const rows = await planRelation(lake, plan)
  const session = await lake.engine.connect()
  try {
    const isDouble = ({ type }: ColumnDefinition) => type === 'double'
    const texts = table.columns.filter((column) => !isDouble(column)).map(textSql)
    const [counted] = await session.rows<{ n: bigint; digest: bigint }>(
      `SELECT count(*) AS n, sum(CAST('0x' || substr(md5(${texts.join(` || '|' || `)}), 1, 15) ` +
        `AS BIGINT)) AS digest FROM ${rows}`,
    )
    const summed = table.columns.filter(({ type }) => type === 'long' || type.startsWith('decimal'))
    const sums = summed.map(({ name }) => `CAST(sum(${name}) AS VARCHAR) AS ${name}`)
    const [sumRow] =
      sums.length === 0 ? [{}] : await session.rows(`SELECT ${sums.join(', ')} FROM ${rows}`)
    const doubles: number[] = []
    for (const { name } of table.columns.filter(isDouble)) {
      const values = await session.rows<{ v: number }>(
        `SELECT ${name} AS v FROM ${rows} WHERE ${name} IS NOT NULL ORDER BY ${name}`,
      )
      doubles.push(...values.map(({ v }) => v))
    }
    return {
      row_count: Number(counted?.n),
      sums: sumRow,
      digest: String(counted?.digest),
      doubles,
    }
  } finally {
    session.close()
  }
}

function textSql({ name, type }: ColumnDefinition): string {
  const value = type === 'timestamptz' ? `epoch_us(${name})` : name
  return `coalesce(CAST(${value} AS VARCHAR), '\\N')`
}
