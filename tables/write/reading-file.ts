import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { Manifest } from '../spec/manifest.ts'

/**
 * Runs `read`, a pure walk through the content of a file; its errors name the file. Any other
 * error than ours means that the content is not of the types that its header promises: then it is
 * `corrupt-data` too.
 */
export function readingFile<T>(location: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SluiceError) {
      throw new SluiceError(error.kind, `${location}: ${error.message}`, {
        cause: error,
        isRetryable: error.isRetryable,
        context: { ...error.context, location },
      })
    }
    throw corruptFile(location, 'its content is not what its header promises', error)
  }
}

/** The error of a file that is not what the table says of it. */
export function corruptFile(location: string, fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The file ${location} cannot be trusted: ${fact}. Nothing was read. Restore the file from a ` +
      'copy, or roll the table back to a snapshot before it.',
    { context: { location }, ...(cause === undefined ? {} : { cause }) },
  )
}

/**
 * The bytes of a manifest. Readers of other engines stop at the length that the manifest list
 * says, so it is always right: a file of another size was cut off or is another file.
 */
export async function readManifestBytes(
  fileIO: FileIO,
  { manifestPath, manifestLength }: Manifest,
): Promise<Uint8Array> {
  const bytes = await fileIO.read(manifestPath)
  if (bytes.length === manifestLength) return bytes
  const fact = `it has ${bytes.length} bytes, its manifest list says ${manifestLength}`
  throw corruptFile(manifestPath, fact)
}
