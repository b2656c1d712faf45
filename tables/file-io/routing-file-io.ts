import { SluiceError } from '../errors.ts'
import type { FileIO } from './file-io.ts'
import { schemeOf } from './location.ts'

/**
 * Several stores as one: each call goes to the store of its location's scheme, so that tables of
 * one lake may lie in different stores. What it can do is what all of them can.
 *
 * Its methods throw `unsupported` for a scheme that no store has, and `invalid-input` for a
 * location without one.
 */
export function createRoutingFileIO(stores: readonly FileIO[]): FileIO {
  const schemes = stores.flatMap((store) => store.schemes)

  function storeOf(location: string): FileIO {
    const scheme = schemeOf(location)
    const found = stores.find((store) => store.schemes.includes(scheme))
    if (found !== undefined) return found
    throw new SluiceError(
      'unsupported',
      `No store is set up for ${scheme}: locations (known: ${schemes.join(', ') || 'none'}). ` +
        `Nothing was read or written of ${location}; configure that store, or use a known one.`,
      { context: { location, scheme } },
    )
  }

  return {
    schemes,
    capabilities: {
      get createIfAbsent() {
        return stores.every((store) => store.capabilities.createIfAbsent)
      },
    },
    read: async (location, range) => storeOf(location).read(location, range),
    write: async (location, bytes, options) => storeOf(location).write(location, bytes, options),
    adopt: async (localPath, location) => storeOf(location).adopt(localPath, location),
    delete: async (location) => storeOf(location).delete(location),
    stat: async (location) => storeOf(location).stat(location),
    list: async function* (prefix) {
      yield* storeOf(prefix).list(prefix)
    },
    localPath: async (location, sizeBytes) => storeOf(location).localPath(location, sizeBytes),
  }
}
