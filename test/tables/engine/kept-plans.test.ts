import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createEngine, type Session } from '../../../tables/engine/engine.ts'

async function withSession(use: (session: Session) => Promise<void>): Promise<void> {
  const scratchDir = await mkdtemp(join(tmpdir(), 'sluice-kept-plans-'))
  const engine = await createEngine({ scratchDir })
  const session = await engine.connect()
  try {
    await use(session)
  } finally {
    session.close()
    await engine.close()
    await rm(scratchDir, { recursive: true })
  }
}

describe('a kept plan', () => {
  it('finds rows that came after it was made, beyond every value that it was made with', async () => {
    await withSession(async (session) => {
      await session.run('CREATE TABLE candidate (event_us BIGINT)')
      const late = 'SELECT count(*) AS late FROM candidate WHERE event_us - 60 <= 1000'
      for (const eventUs of [5000, 7000, 1]) {
        await session.runKept('DELETE FROM candidate')
        await session.run(`INSERT INTO candidate VALUES (${eventUs})`)
        const expected = eventUs - 60 <= 1000 ? 1n : 0n
        expect(await session.rowsKept<{ late: bigint }>(late)).toEqual([{ late: expected }])
      }
    })
  })

  it('groups by values that it was not made with', async () => {
    await withSession(async (session) => {
      await session.run('CREATE TABLE candidate (part INTEGER, amount BIGINT)')
      const sums =
        'SELECT part, sum(amount)::BIGINT AS amount FROM candidate GROUP BY part ORDER BY part'
      for (const part of [1, 2, 2_000_000]) {
        await session.runKept('DELETE FROM candidate')
        await session.run(`INSERT INTO candidate VALUES (${part}, 3), (${part}, 4), (0, 1)`)
        expect(await session.rowsKept(sums)).toEqual([
          { part: 0, amount: 1n },
          { part, amount: 7n },
        ])
      }
    })
  })

  it('follows a table that is made anew with other columns', async () => {
    await withSession(async (session) => {
      await session.run('CREATE TABLE candidate AS SELECT 1 AS a')
      expect(await session.rowsKept('SELECT * FROM candidate')).toEqual([{ a: 1 }])
      await session.run("CREATE OR REPLACE TABLE candidate AS SELECT 'x' AS b, 2 AS a")
      expect(await session.rowsKept('SELECT * FROM candidate')).toEqual([{ b: 'x', a: 2 }])
    })
  })

  describe('is planned once for each state of the catalog', () => {
    // The engine puts a variable's value into the plan: an old value tells an old plan.
    const planned = "SELECT a, getvariable('planned_at') AS planned_at FROM candidate"
    const plannedAt = async (session: Session, now: number): Promise<unknown> => {
      await session.run(`SET VARIABLE planned_at = ${now}`)
      const [row] = await session.rowsKept<{ planned_at: unknown }>(planned)
      return row?.planned_at
    }

    it.each([
      ['a table that is made', ['CREATE TABLE other (b INTEGER)']],
      ['a table that is replaced', ['CREATE OR REPLACE TABLE candidate AS SELECT 2 AS a']],
      ['a table that is made in a transaction', ['BEGIN', 'CREATE TABLE other (b INT)', 'COMMIT']],
      ['one that is not made after all', ['BEGIN', 'CREATE TABLE other (b INT)', 'ROLLBACK']],
    ])('after %s', async (_, statements) => {
      await withSession(async (session) => {
        await session.run('CREATE TABLE candidate AS SELECT 1 AS a')
        expect(await plannedAt(session, 1)).toBe(1)
        expect(await plannedAt(session, 2)).toBe(1)
        for (const statement of statements) await session.run(statement)
        expect(await plannedAt(session, 3)).toBe(3)
        expect(await plannedAt(session, 4)).toBe(3)
        expect(await plannedAt(session, 5)).toBe(3)
      })
    })

    it('also where it was planned in a transaction before the table was there for others', async () => {
      await withSession(async (session) => {
        await session.run('CREATE TABLE candidate AS SELECT 1 AS a')
        await session.run('BEGIN')
        await session.run('CREATE OR REPLACE TABLE candidate AS SELECT 2 AS a')
        expect(await plannedAt(session, 1)).toBe(1)
        await session.run('COMMIT')
        expect(await plannedAt(session, 2)).toBe(2)
        expect(await plannedAt(session, 3)).toBe(2)
      })
    })
  })

  it('is planned anew where another session changed the catalog', async () => {
    const scratchDir = await mkdtemp(join(tmpdir(), 'sluice-kept-plans-'))
    const engine = await createEngine({ scratchDir })
    const [one, other] = await Promise.all([engine.connect(), engine.connect()])
    await one.run('CREATE TABLE candidate AS SELECT 1 AS a')
    await one.rowsKept('SELECT * FROM candidate')
    await other.run("CREATE OR REPLACE TABLE candidate AS SELECT 'x' AS b")
    expect(await one.rowsKept('SELECT * FROM candidate')).toEqual([{ b: 'x' }])
    one.close()
    other.close()
    await engine.close()
    await rm(scratchDir, { recursive: true })
  })

  it('is one of a bounded number, and statements beyond it still run', async () => {
    await withSession(async (session) => {
      for (let index = 0; index < 300; index++) {
        expect(await session.rowsKept(`SELECT ${index} AS n`)).toEqual([{ n: index }])
      }
      expect(await session.rowsKept('SELECT 0 AS n')).toEqual([{ n: 0 }])
    })
  })
})
