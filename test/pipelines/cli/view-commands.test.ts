import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { barsByStep } from '../../../gold/bars-by-step.ts'
import { type LocalLake, openLocalLake } from '../../support/local-lake.ts'
import { runCommand } from '../../support/run-command.ts'

const [bars1m] = barsByStep

let local: LocalLake
beforeAll(async () => {
  local = await openLocalLake()
})
afterAll(() => local.close())

describe('sluice describe of a view', () => {
  it('shows its columns, and its text in the SQL of each engine', async () => {
    const shown = await runCommand(local.directory, 'describe', 'gold.bars_1m')
    expect(shown).toMatch(/^view +gold\.bars_1m$/m)
    expect(shown).toMatch(/^ +\d+ +open +decimal\(18, 8\) +never +content +Price of/m)
    for (const dialect of ['trino', 'duckdb'] as const) {
      expect(shown).toContain(`\nSQL (${dialect})\n  ${bars1m?.sql[dialect]}\n`)
    }
  })

  it('tells a program the same', async () => {
    const told = await runCommand(local.directory, 'describe', 'bars_1m', '--json')
    expect(JSON.parse(told)).toMatchObject({
      kind: 'view',
      namespace: 'gold',
      table: 'bars_1m',
      doc: bars1m?.doc,
      versionId: 1,
      version_ts: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      sql: bars1m?.sql,
      columns: expect.arrayContaining([
        expect.objectContaining({ name: 'open', type: 'decimal(18, 8)', role: 'content' }),
      ]) as object[],
    })
  })
})
