import { describe, expect, it } from 'vitest'
import { readTrinoStatement } from '../../../tables/query/trino-statement.ts'
import { findTrinoRelations } from '../../../tables/query/trino-relations.ts'
import { editText, lineAndColumn, offsetOf } from '../../../tables/query/text-edits.ts'

function tablesOf(sql: string): readonly string[] {
  const { relations } = findTrinoRelations(readTrinoStatement(sql).tokens)
  for (const { start, end, parts } of relations) {
    // A name that is found is where it says that it is.
    expect(sql.slice(start, end).replaceAll(/["\s]/g, '').toLowerCase()).toBe(parts.join('.'))
  }
  return relations.map(({ parts }) => parts.join('.'))
}

describe('the tables of a statement of Trino', () => {
  it.each([
    ['SELECT * FROM gold.bars', ['gold.bars']],
    ['SELECT 1', []],
    ['SELECT gold.bars.close FROM gold.bars, gold.spreads s', ['gold.bars', 'gold.spreads']],
    ['SELECT * FROM a JOIN b ON a.x = b.x, c LEFT JOIN d USING (x, y)', ['a', 'b', 'c', 'd']],
    ['SELECT * FROM (a CROSS JOIN b) CROSS JOIN ((c))', ['a', 'b', 'c']],
    ['SELECT * FROM ((SELECT * FROM a) UNION SELECT * FROM b) t, c', ['a', 'b', 'c']],
    ['(SELECT * FROM a) UNION ALL (SELECT * FROM b) ORDER BY 1, 2', ['a', 'b']],
    ['SELECT * FROM sluice . gold . "bars" "b"', ['sluice.gold.bars']],
    ["SELECT extract(year FROM ts), trim(BOTH 'x' FROM y) FROM t", ['t']],
    ['SELECT x IS DISTINCT FROM y, a AS "distinct" FROM t WHERE x IS NOT DISTINCT FROM z', ['t']],
    ['SELECT \' FROM a \', "FROM b" /* FROM c */ FROM d -- FROM e\n, f', ['d', 'f']],
    ['SELECT count(*) FILTER (WHERE x IN (SELECT y FROM a)) FROM b', ['b', 'a'].sort()],
    ['SELECT 1 FROM a GROUP BY x, y HAVING EXISTS (SELECT 1 FROM b) ORDER BY z, w', ['a', 'b']],
    ['SELECT "offset", limit FROM a, UNNEST(xs) AS u (x), b', ['a', 'b']],
    ['SELECT offset FROM a JOIN b ON offset = window, c', ['a', 'b', 'c']],
    ['SELECT 1 FROM a WINDOW w AS (ORDER BY x), v AS (ORDER BY y)', ['a']],
    ['SELECT 1 FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x) l, c', ['a', 'b', 'c']],
    ['SELECT 1 FROM a TABLESAMPLE BERNOULLI (10), b', ['a', 'b']],
    ['WITH a AS (SELECT * FROM b), c (x, y) AS (SELECT * FROM a) SELECT * FROM c, d', ['b', 'd']],
    // A CTE does not see itself: there its name is the table's.
    ['WITH bars AS (SELECT * FROM bars) SELECT * FROM bars', ['bars']],
    ['WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT * FROM r', []],
    ['SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x), x', ['x']],
    ['WITH x AS (SELECT 1) SELECT (SELECT count(*) FROM x), y FROM gold.x', ['gold.x']],
    ['EXPLAIN ANALYZE VERBOSE SELECT * FROM a', ['a']],
    ['EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM a;', ['a']],
    ['EXPLAIN (SELECT * FROM a)', ['a']],
    ['VALUES (1, 2), (3, (SELECT max(x) FROM a))', ['a']],
  ])('are found in %s', (sql, tables) => {
    expect([...tablesOf(sql)].sort()).toEqual([...tables].sort())
  })

  it.each([
    ['gold.bars', false, false],
    ['gold.bars b', true, false],
    ['gold.bars AS "b" (x, y)', true, false],
    ['gold.bars FOR VERSION AS OF 7 b', false, true],
    ["gold.bars FOR TIMESTAMP AS OF TIMESTAMP '2026-11-20 12:00:00 UTC'", false, true],
    ['gold.bars LIMIT 5', false, false],
    ['gold.bars TABLESAMPLE BERNOULLI (1)', false, false],
  ])('say what follows them: %s', (from, hasAlias, hasPeriod) => {
    const { relations } = findTrinoRelations(readTrinoStatement(`SELECT 1 FROM ${from}`).tokens)
    expect(relations).toMatchObject([{ hasAlias, hasPeriod }])
  })

  it.each([
    ['t AT (VERSION => 7)', true, 'version', '7'],
    ['AT (VERSION => -7) t', false, 'version', '-7'],
    ["AT (TIMESTAMP => '2026-11-20')", false, 'timestamp', '2026-11-20'],
    ["AS t AT (TIMESTAMP => TIMESTAMP '2026-11-20')", true, 'timestamp', '2026-11-20'],
    ['AT (TIMESTAMP => now() - INTERVAL 1 DAY)', false, 'timestamp', undefined],
  ])("keep DuckDB's clause: %s", (clause, hasAlias, unit, value) => {
    const sql = `SELECT 1 FROM gold.bars ${clause}, x`
    const { relations } = findTrinoRelations(readTrinoStatement(sql).tokens)
    expect(relations).toMatchObject([{ hasAlias, at: { unit, value } }, { parts: ['x'] }])
  })

  it.each(['TABLE gold.bars', 'SELECT * FROM TABLE(f(TABLE(gold.bars)))'])(
    'are not taken for known in %s',
    (sql) => {
      expect(findTrinoRelations(readTrinoStatement(sql).tokens).unread).toBe('TABLE')
    },
  )
})

describe('a statement for Trino', () => {
  it.each([
    'INSERT INTO gold.bars SELECT * FROM x',
    'delete from gold.bars',
    '/* x */ DROP TABLE gold.bars',
    'EXPLAIN ANALYZE INSERT INTO gold.bars VALUES 1',
    "EXECUTE IMMEDIATE 'DROP TABLE x'",
    'CALL sluice.system.rollback_to_snapshot()',
    'SELECT 1; DROP TABLE gold.bars',
    '"select"',
    '',
  ])('that changes something is refused: %s', (sql) => {
    expect(() => readTrinoStatement(sql)).toThrow(/Nothing was run/)
  })

  it("that is DuckDB's own is refused with a word for it", () => {
    expect(() => readTrinoStatement('FROM gold.bars')).toThrow("is DuckDB's")
  })
})

describe('an edited text', () => {
  it('knows where each place was before', () => {
    const before = 'SELECT x\nFROM gold.bars b WHERE y'
    const start = before.indexOf('gold')
    const end = start + 'gold.bars'.length
    const edited = editText(before, [{ start, end, text: '(SELECT 1\nFROM t)' }])
    expect(edited.text).toBe('SELECT x\nFROM (SELECT 1\nFROM t) b WHERE y')
    const y = edited.originalOf(offsetOf(edited.text, 3, 17))
    expect(before[y]).toBe('y')
    expect(lineAndColumn(before, y)).toEqual([2, 24])
    expect(edited.originalOf(edited.text.indexOf('FROM t'))).toBe(start)
    expect(edited.originalOf(3)).toBe(3)
  })
})
