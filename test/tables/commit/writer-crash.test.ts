import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import { systemClock } from '../../../tables/clock.ts'
import { commitChange } from '../../../tables/commit/commit-change.ts'
import { planAppend } from '../../../tables/commit/plan-append.ts'
import { planOverwrite } from '../../../tables/commit/plan-overwrite.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { findOrphanFiles, removeOrphanFiles } from '../../../tables/maintain/remove-orphan-files.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { openPlanShop, type PlanShop } from './plan-shop.ts'

const numbers = tableId('db.numbers')
const script = join(import.meta.dirname, 'die-before-commit.ts')
const DAY_MS = 86_400_000
/** Two days on: no file of this test is too young to be an orphan. */
const later = { nowUs: () => systemClock.nowUs() + BigInt(2 * DAY_MS) * 1000n }

let root: string
let shop: PlanShop

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice crash-'))
  shop = await openPlanShop({ root })
  const created = await shop.create('numbers', {
    columns: { id: 'long', day: 'date' },
    partition: [['day', 'identity']],
  })
  const query = "SELECT i AS id, DATE '2024-01-01' + (i // 10)::INTEGER AS day FROM range(20) t(i)"
  await commitChange(shop.context, numbers, await planAppend(shop.context, created, query))
})

afterEach(async () => {
  await shop.close()
  await rm(root, { recursive: true, force: true })
})

async function filesOf({ metadata }: LoadedTable): Promise<string[]> {
  const folder = join(root, 'warehouse', 'db', 'numbers')
  expect(metadata.location).toBe(locationOfPath(folder))
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => locationOfPath(join(entry.parentPath, entry.name)))
    .sort()
}

describe('a writer that is killed', () => {
  it.each([
    ['data files', 2],
    ['manifests', 5],
  ])(
    'after its %s leaves no trace in the table, and orphans that are found, all and alone',
    async (point, leftCount) => {
      const before = await shop.load(numbers)
      const rows = await shop.rows(numbers)
      const files = await filesOf(before)
      await expect(
        promisify(execFile)(process.execPath, ['--import', 'tsx', script, root, point]),
      ).rejects.toMatchObject({ signal: 'SIGKILL' })
      expect(await shop.load(numbers)).toEqual(before)
      expect(await shop.rows(numbers)).toEqual(rows)
      const left = (await filesOf(before)).filter((file) => !files.includes(file))
      expect(left.length).toBeGreaterThanOrEqual(leftCount)

      const { context } = shop
      const request = { reader: context, clock: later, olderThanMs: DAY_MS, tables: [before] }
      const found = await findOrphanFiles(request)
      expect(found.map((file) => file.location)).toEqual(left)
      const young = await findOrphanFiles({ ...request, clock: systemClock })
      expect(young).toEqual([])

      // The next writer does the same work, and the cleaning takes only what the dead one left.
      const filter = [{ column: 'id', op: '<', value: 15n }] as const
      const again = await planOverwrite(context, before, filter, 'SELECT 7 AS id, NULL AS day')
      const { table } = await commitChange(context, numbers, again)
      const removed = await removeOrphanFiles({ ...request, tables: [table] })
      expect(removed.map((file) => file.location)).toEqual(left)
      const ids = (await shop.rows(numbers, 'id')).map(([id]) => Number(id))
      expect(ids).toEqual([7, 15, 16, 17, 18, 19])
    },
    60_000,
  )
})
