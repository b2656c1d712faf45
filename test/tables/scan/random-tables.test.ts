import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import { serializeTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'
import { openWorkshop } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growTable } from './growing-table.ts'
import { firstFields } from './model-schema.ts'
import { comparableRows, createModelTable } from './model-table.ts'
import type { ModelStep, ModelTable } from './model-table.ts'

const seed = fc.nat(1_000_000)
const append: fc.Arbitrary<ModelStep> = fc.record({
  kind: fc.constant('append'),
  seed,
  rowCount: fc.integer({ min: 1, max: 6 }),
})
const step: fc.Arbitrary<ModelStep> = fc.oneof(
  { weight: 3, arbitrary: append },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete-places'), seed }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete-values'),
      seed,
      rowCount: fc.nat(3),
      // Outermost columns and members of the struct n.
      ids: fc.uniqueArray(fc.constantFrom(1, 2, 3, 5, 6), { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('evolve'),
      change: fc.constantFrom('add', 'drop', 'rename', 'promote', 'reorder'),
      pick: fc.nat(1000),
    }),
  },
)
const history = fc
  .tuple(append, fc.array(step, { maxLength: 12 }))
  .map(([first, steps]) => [first, ...steps])

type Rows = Readonly<Record<string, unknown>>[]

let tableCount = 0

function createModel(shop: Workshop, formatVersion: 2 | 3, hasIds: boolean): ModelTable {
  const metadata = createTableMetadata({
    uuid: shop.ids.uuid(),
    location: `${shop.location}/t${(tableCount += 1)}`,
    schema: { type: 'struct', 'schema-id': 0, fields: firstFields },
    partitionSpec: { 'spec-id': 0, fields: [] },
    sortOrder: { 'order-id': 0, fields: [] },
    properties: {},
    formatVersion,
    nowMs: 0,
  })
  return createModelTable(shop, growTable(shop, metadata), hasIds)
}

describe('the rows of a table with any history', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  async function readAll({ table: { metadata } }: ModelTable): Promise<readonly string[]> {
    const sql = await scanSql(await planScan({ fileIO: shop.fileIO, metadata }), shop.fileIO)
    return comparableRows(await shop.session.rows(sql))
  }

  it.each([
    ['position deletes', 2, true],
    ['deletion vectors and defaults', 3, true],
    ['files without field ids', 2, false],
    ['files without field ids, and deletion vectors', 3, false],
  ] as const)(
    'are those of a model in memory: %s',
    async (_, formatVersion, hasIds) => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const model = createModel(shop, formatVersion, hasIds)
          for (const one of steps) await model.apply(one)
          expect(await readAll(model)).toEqual(model.expected())
        }),
        { numRuns: 8 },
      )
    },
    60_000,
  )
})

await describeWithService('pyiceberg', 'PyIceberg', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  it('reads the same rows of such tables as we do, where it can', async () => {
    // It reads no equality deletes.
    const samples = fc
      .sample(history, { numRuns: 9, seed: 20_260_821 })
      .map((steps) => steps.filter((one) => one.kind !== 'delete-values'))
    const paths: string[] = []
    const expected: (readonly string[])[] = []
    for (const [index, steps] of samples.entries()) {
      const model = createModel(shop, index % 3 === 0 ? 2 : 3, index % 3 !== 2)
      for (const one of steps) await model.apply(one)
      const { metadata } = model.table
      const location = `${metadata.location}/metadata/00001-sample.metadata.json`
      await shop.fileIO.write(location, Buffer.from(serializeTableMetadata(metadata)))
      paths.push(location)
      expected.push(model.expected())
    }
    const script = join(import.meta.dirname, 'pyiceberg-rows.py')
    const answer = JSON.parse((await runPython(script, paths)).stdout) as Rows[]
    // It gives an empty list or map where the column is null, so the two count as one here.
    const withoutEmpty = (rows: readonly string[]) =>
      rows.map((row) => row.replaceAll('[]', 'null')).sort()
    expect(answer.map(comparableRows).map(withoutEmpty)).toEqual(expected.map(withoutEmpty))
  })
})
