import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStatementFeed } from '../../../../pipelines/cli/sql/statement-feed.ts'
import { createEngine } from '../../../../tables/engine/engine.ts'

/** Every entry that some lines complete, and what is left open. */
function feedAll(text: string): { readonly sql: readonly string[]; readonly rest: string } {
  const feed = createStatementFeed()
  const sql = text.split('\n').flatMap((line) => feed.line(line).map((entry) => show(entry)))
  return { sql, rest: feed.rest() }
}

function show(entry: ReturnType<ReturnType<typeof createStatementFeed>['line']>[number]): string {
  return entry.kind === 'statement' ? entry.sql.trim() : entry.words.join('|')
}

describe('a feed of lines', () => {
  it.each([
    ['SELECT 1;', ['SELECT 1']],
    ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['SELECT\n1\n;', ['SELECT\n1']],
    [';;\n ; -- nothing\n/* nor ; here */;', []],
    ["SELECT ';', 'it''s;';", ["SELECT ';', 'it''s;'"]],
    [`SELECT 1 AS "a;""b";`, [`SELECT 1 AS "a;""b"`]],
    ['SELECT 1 -- no; end\n;', ['SELECT 1 -- no; end']],
    ['SELECT /* a; /* b; */ c; */ 1;', ['SELECT /* a; /* b; */ c; */ 1']],
    [`SELECT E'it\\'s;', 1;`, [`SELECT E'it\\'s;', 1`]],
    [`SELECT name'a\\';`, [`SELECT name'a\\'`]],
    ['SELECT $$a;b$$, $x$c;$$;$x$;', ['SELECT $$a;b$$, $x$c;$$;$x$']],
    ['.cut 12\nSELECT 1;', ['.cut|12', 'SELECT 1']],
    ['SELECT 1\n.5;', ['SELECT 1\n.5']],
    ['-- first\n  .tables', ['.tables']],
  ])('completes %j as %j', (text, expected) => {
    expect(feedAll(text)).toEqual({ sql: expected, rest: '' })
  })

  it.each(["SELECT '", 'SELECT "a', 'SELECT /* ;', 'SELECT $$;', 'SELECT 1'])(
    'keeps %j open',
    (text) => {
      expect(feedAll(text)).toEqual({ sql: [], rest: `${text}\n` })
    },
  )

  it('forgets what was typed where it is told to', () => {
    const feed = createStatementFeed()
    feed.line("SELECT '")
    feed.clear()
    expect(feed.line('SELECT 2;')).toEqual([{ kind: 'statement', sql: 'SELECT 2' }])
  })

  it("ends statements where the engine's own parser does", async () => {
    const engine = await createEngine({ scratchDir: '/tmp' })
    const session = await engine.connect()
    const piece = fc.constantFrom(
      ...[" 'a;b'", " ''';'", ' "c;""d"', ' /* ; */', ' -- ;\n', " E'\\';'", ' $$;$$', ' 1', ';'],
    )
    const count = async (sql: string): Promise<number> => {
      const [row] = await session.rows<{ readonly n: number | null }>(
        `SELECT json_array_length(json_serialize_sql($1::VARCHAR), '$.statements')::INTEGER AS n`,
        [sql],
      )
      return row?.n ?? 0
    }
    let wholeCount = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 4 }),
        async (all) => {
          const text = all.map((pieces) => `SELECT 1${pieces.map(asItem).join('')};`).join('\n')
          const wanted = await count(text)
          fc.pre(wanted > 0)
          wholeCount += 1
          expect(feedAll(text).sql).toHaveLength(wanted)
        },
      ),
      { numRuns: 100, seed: 7 },
    )
    expect(wholeCount).toBeGreaterThan(50)
    session.close()
    await engine.close()
  })
})

/** Comments stand alone, everything else is one more column. */
function asItem(piece: string): string {
  if (piece === ';') return '; SELECT 2'
  return /^ (--|\/\*)/.test(piece) ? piece : `, ${piece.replace(/^ "/, '1 AS "')}`
}
