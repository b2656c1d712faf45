import { SluiceError } from '../errors.ts'
import type { FileIO } from './file-io.ts'
import { schemeOf } from './location.ts'

/**
 * The FileIO of a location's scheme. Throws `unsupported` where none of them has it, and
 * `invalid-input` where the location has no scheme.
 */
export function resolveFileIO(fileIOs: readonly FileIO[], location: string): FileIO {
  const scheme = schemeOf(location)
  const found = fileIOs.find((fileIO) => fileIO.scheme === scheme)
  if (found === undefined) {
    const known = fileIOs.map((fileIO) => fileIO.scheme).join(', ')
    throw new SluiceError(
      'unsupported',
      `No store is set up for ${scheme}: locations (known: ${known || 'none'}). ` +
        `Nothing was read or written of ${location}; configure that store, or use a known one.`,
      { context: { location, scheme } },
    )
  }
  return found
}
