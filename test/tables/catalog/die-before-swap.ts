import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { appendCommit } from './append-one.ts'
import { openDiskCatalog, trades } from './open-test-catalog.ts'

/** A process that dies as hard as it can once its metadata file is durable. */
const [folder = ''] = process.argv.slice(2)

const dieAfterWrite = (inner: FileIO): FileIO => ({
  ...inner,
  write: async (location, bytes, options) => {
    await inner.write(location, bytes, options)
    process.kill(process.pid, 'SIGKILL')
    // The signal comes between two steps: nothing may run after the write.
    await new Promise(() => undefined)
  },
})

const catalog = openDiskCatalog(folder, dieAfterWrite)
await catalog.commitTransaction([await appendCommit(catalog, trades)])
