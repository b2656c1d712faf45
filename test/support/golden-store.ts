import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { goldenPath } from './golden.ts'

/**
 * The store that tables of `test/golden` were written to: locations that begin with one of
 * `prefixes` are files of the folder. Nothing can be written.
 */
export function openGoldenStore(folder: string, prefixes: readonly string[]): FileIO {
  const local = createLocalFileIO()
  const find = (location: string): string => {
    const prefix = prefixes.find((candidate) => location.startsWith(candidate))
    if (prefix === undefined) throw new RangeError(`${location} is not one of ${prefixes.join()}`)
    return locationOfPath(`${goldenPath(folder)}${location.slice(prefix.length)}`)
  }
  const refuse = () => Promise.reject(new Error('golden files are never written'))
  return {
    schemes: ['s3'],
    capabilities: { createIfAbsent: false },
    read: (location, range) => local.read(find(location), range),
    stat: (location) => local.stat(find(location)),
    list: (prefix) => local.list(find(prefix)),
    localPath: (location, sizeBytes) => local.localPath(find(location), sizeBytes),
    write: refuse,
    adopt: refuse,
    delete: refuse,
  }
}
