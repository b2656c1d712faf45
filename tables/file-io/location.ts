import { SluiceError } from '../errors.ts'

const schemePattern = /^([a-z][a-z0-9+.-]*):/

/** The scheme of a location (`file` of `file:///a/b`). Throws `invalid-input` where it has none. */
export function schemeOf(location: string): string {
  const scheme = schemePattern.exec(location)?.[1]
  if (scheme === undefined) {
    throw new SluiceError(
      'invalid-input',
      `Not a full location: ${location}. Nothing was read or written; ` +
        'write it with its scheme, for example file:///data/lake.',
      { context: { location } },
    )
  }
  return scheme
}

/** `joinLocation('file:///a/', 'b', 'c')` is `file:///a/b/c`. */
export function joinLocation(base: string, ...names: readonly string[]): string {
  return [base.replace(/\/+$/, ''), ...names].join('/')
}

/** The last part of a location: the file's name. */
export function fileNameOf(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1)
}

/** What `read`, `localPath` and their like throw where the file is not there. */
export function missingFile(location: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `File not found: ${location}. Nothing was read; the file was deleted or never written, ` +
      'so whatever names it is damaged or was expired.',
    { cause, context: { location, reason: 'missing-file' } },
  )
}

/**
 * What `localPath` throws for a file of another size than its manifest says. What is cut off the
 * engine would mostly find, but not another file in its place: without the columns that are asked
 * for it would be read as rows of nulls.
 */
export function otherSize(location: string, sizeBytes: number, promised: number): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The file ${location} has ${sizeBytes} bytes, its manifest says ${promised}. Nothing was ` +
      'read. Restore the file, or roll the table back to a snapshot before it.',
    { context: { file: location } },
  )
}

/** What a ranged read throws where the file ends before the range does. */
export function shortFile(location: string, wanted: number, sizeBytes: number): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `File is too short: ${location} has ${sizeBytes} bytes, ${wanted} were promised. ` +
      'Nothing was returned; the file is damaged.',
    { context: { location, reason: 'short-file', sizeBytes } },
  )
}

/** What `write(…, {ifAbsent: true})` throws where somebody else was first. */
export function fileExists(location: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'commit-conflict',
    `File already exists: ${location}. Nothing was written; ` +
      'somebody else was first: read the file and decide again.',
    { cause, context: { location } },
  )
}
