import { openDiskCatalog, trades } from './open-test-catalog.ts'
import { appendUntilDone } from './append-one.ts'

/** A second process for the tests: appends snapshots to `market.trades` of a catalog on disk. */
const [folder = '', count = '0'] = process.argv.slice(2)
const catalog = openDiskCatalog(folder)
for (let n = 0; n < Number(count); n += 1) await appendUntilDone(catalog, trades)
await catalog.close()
