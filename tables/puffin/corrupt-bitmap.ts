import { SluiceError } from '../errors.ts'

/** A bitmap that breaks the format; the caller that knows the file names it. */
export function corruptBitmap(fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `A bitmap of deleted positions is broken: ${fact}. No row was read with it; ` +
      'restore its file, or rewrite the data file from a snapshot before it.',
    cause === undefined ? {} : { cause },
  )
}
