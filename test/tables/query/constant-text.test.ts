import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine, type Engine, type Session } from '../../../tables/engine/engine.ts'
import { constantText } from '../../../tables/query/constant-text.ts'
import { parseStatement } from '../../../tables/query/parse-statement.ts'
import { isNode, nodesOf, type SyntaxNode } from '../../../tables/query/syntax-tree.ts'

let folder: string
let engine: Engine
let session: Session

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-constant-'))
  engine = await createEngine({ scratchDir: folder })
  session = await engine.connect()
})

afterAll(async () => {
  session.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the text of a constant', () => {
  it.each([
    '0',
    '180',
    '-5',
    '2147483647',
    '2147483648',
    '-2147483649',
    '9223372036854775807',
    '1.5',
    '-0.05',
    '.5',
    '100.00',
    '123456789.123456789',
    "'us-equity'",
    "'it''s'",
    "''",
    "'a\u00a0b\u2003c -- no comment'",
    "DATE '2025-01-02'",
    "TIMESTAMP '2025-01-02 03:04:05.678901'",
    "TIMESTAMPTZ '2025-01-02 03:04:05+01'",
    'true',
    'false',
    "'12'::INTEGER",
    'CAST(7 AS BIGINT)',
    'CAST(7 AS VARCHAR)',
  ])('of %s has its value and type', async (literal) => {
    const text = constantText(await expressionOf(literal))
    expect(text).toBeDefined()
    expect(await valueOf(text ?? '')).toEqual(await valueOf(literal))
  })

  it.each([
    'NULL',
    '2.5e0',
    '170141183460469231731687303715884105727',
    '12345678901234567890.123',
    "INTERVAL '1 day'",
    "TRY_CAST('x' AS INTEGER)",
    "CAST('1.5' AS DECIMAL(9, 4))",
    'CAST(1 + 1 AS BIGINT)',
    '1 + 1',
    'upper($$x$$)',
    '[1, 2]',
    "'\\x00'::BLOB",
  ])('is left to the engine for %s', async (literal) => {
    expect(constantText(await expressionOf(literal))).toBeUndefined()
  })
})

describe('a statement', () => {
  it.each([
    ["SELECT 'it''s', $$a'b$$, 'x\u00a0y' AS \"q'\" -- it's", 1],
    ["SELECT 1; SELECT '", 0],
    ["SELECT 'a' || '''; DROP TABLE t; --'", 1],
  ])('is parsed as it stands, its quotes too: %s', async (sql, statementCount) => {
    const parsed = parseStatement(session, sql)
    if (statementCount === 0) await expect(parsed).rejects.toThrow('cannot be parsed')
    else expect(nodesOf((await parsed).tree, 'statements').length).toBe(statementCount)
  })
})

async function expressionOf(literal: string): Promise<SyntaxNode> {
  const { tree } = await parseStatement(session, `SELECT ${literal}`)
  const [statement] = nodesOf(tree, 'statements')
  const node = statement?.node
  const [expression] = isNode(node) ? nodesOf(node, 'select_list') : []
  if (expression === undefined) throw new Error(`${literal} has no expression`)
  return expression
}

async function valueOf(sql: string): Promise<unknown> {
  const [row] = await session.rows(`SELECT v, typeof(v) AS type FROM (SELECT ${sql} AS v)`)
  return row
}
