import type { CommitHooks } from '../../../tables/commit/commit-context.ts'
import { commitChange } from '../../../tables/commit/commit-change.ts'
import { planOverwrite } from '../../../tables/commit/plan-overwrite.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { openPlanShop } from './plan-shop.ts'

/** A writer that dies as hard as it can once its files are durable, before it commits them. */
const [root = '', point = ''] = process.argv.slice(2)

const die = async (): Promise<void> => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes between two steps: nothing may run after this one.
  await new Promise(() => undefined)
}

const points: Readonly<Record<string, CommitHooks>> = {
  'data files': { dataFilesWritten: die },
  manifests: { staged: die },
}
const shop = await openPlanShop({ root, hooks: points[point] ?? {} })
const table = await shop.load(tableId('db.numbers'))
const query = "SELECT 100 + i AS id, DATE '2024-01-02' AS day FROM range(50) t(i)"
const change = await planOverwrite(
  shop.context,
  table,
  [{ column: 'id', op: '<', value: 15n }],
  query,
)
await commitChange(shop.context, table.identifier, change)
