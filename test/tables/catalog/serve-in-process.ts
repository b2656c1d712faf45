import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { openDiskCatalog } from './open-test-catalog.ts'

/**
 * A server process of its own over a catalog on disk. It prints its address, and dies as hard as it
 * can at the wanted moment of the first commit: once the new metadata is durable (`before-swap`),
 * or once the pointer has moved and no answer was sent (`after-swap`), else never.
 */
const [folder = '', moment = 'never'] = process.argv.slice(2)

async function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes between two steps: nothing may run after this one.
  return new Promise<never>(() => undefined)
}

const mortal = (inner: FileIO): FileIO => ({
  ...inner,
  write: async (location, bytes, options) => {
    await inner.write(location, bytes, options)
    if (moment === 'before-swap') await die()
  },
  // Old metadata files are deleted once the pointer has moved, where a table wants that.
  delete: async (location) => {
    if (moment === 'after-swap') await die()
    await inner.delete(location)
  },
})

const server = await startRestServer({ catalog: openDiskCatalog(folder, mortal), port: 0 })
process.stdout.write(`${server.url}\n`)
