import { isErrorKind, SluiceError } from '../errors.ts'
import { isMissingFile } from './catalog-errors.ts'

/**
 * Registers a metadata file that a client names. A file that is something else is the client's
 * mistake (`invalid-input`), not damage of the catalog's own; a missing one stays what it is.
 */
export async function registerFile<T>(location: string, register: () => Promise<T>): Promise<T> {
  try {
    return await register()
  } catch (error) {
    const fault = isErrorKind(error, 'corrupt-data') ? error.message : undefined
    if (fault === undefined || isMissingFile(error)) throw error
    throw new SluiceError(
      'invalid-input',
      `${location} cannot be registered: ${fault} Nothing was created; name a metadata ` +
        'file of the right sort.',
      { cause: error },
    )
  }
}
