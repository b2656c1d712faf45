import { isAbsolute, normalize } from 'node:path'

import { SluiceError } from '../errors.ts'

/**
 * `file:` locations and paths, one to one and without percent-encoding: a location is the path
 * behind `file://`, byte for byte. The other engines (Hadoop's Path, PyArrow, DuckDB, Trino) take
 * the text literally too, so `%20` in a location is a folder whose name has a percent sign, and a
 * folder with a space in its name has a space in its location.
 */
export function pathOfLocation(location: string): string {
  const path = /^file:(?:\/\/(?:localhost)?)?(\/(?!\/).*)$/s.exec(location)?.[1]
  if (path === undefined || path.includes('\0')) {
    throw new SluiceError(
      'invalid-input',
      `Not a location of a local file: ${location}. Nothing was read or written; ` +
        'it must be file:// and an absolute path.',
      { context: { location } },
    )
  }
  if (path.split('/').includes('..')) {
    throw new SluiceError(
      'invalid-input',
      `A location may not climb with "..": ${location}. Nothing was read or written; ` +
        'write the folder that is meant.',
      { context: { location } },
    )
  }
  return path
}

/** The location of an absolute path. Throws `invalid-input` for a relative one. */
export function locationOfPath(path: string): string {
  if (!isAbsolute(path) || path.includes('\0')) {
    throw new SluiceError(
      'invalid-input',
      `Not an absolute path: ${path}. Nothing was read or written; resolve it first.`,
    )
  }
  return `file://${normalize(path)}`
}
