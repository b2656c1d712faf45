import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import { SluiceError } from '../errors.ts'

/** Far above any table: a small file that unpacks to all memory is no table metadata. */
const MAX_TEXT_BYTES = 512 * 1024 * 1024

const inflate = promisify(gunzip)
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The text of a metadata file. Its bytes say whether it is packed, its name does not: writers call
 * a gzip file `….gz.metadata.json`, `….metadata.json.gz` or nothing special. Throws `corrupt-data`
 * where it cannot be unpacked or is no UTF-8, `unsupported` for zstandard.
 */
export async function decodeMetadataBytes(location: string, bytes: Uint8Array): Promise<string> {
  if (startsWith(bytes, [0x28, 0xb5, 0x2f, 0xfd])) {
    throw new SluiceError(
      'unsupported',
      `The metadata file ${location} is packed by zstandard, which is not read here. Nothing was ` +
        'read; have its writer set write.metadata.compression-codec to gzip or none.',
      { context: { location } },
    )
  }
  try {
    const isPacked = startsWith(bytes, [0x1f, 0x8b])
    return utf8.decode(isPacked ? await inflate(bytes, { maxOutputLength: MAX_TEXT_BYTES }) : bytes)
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      `The metadata file ${location} cannot be unpacked, or is no UTF-8 text. Nothing was read; ` +
        'point the catalog at an earlier metadata file.',
      { cause: error, context: { location } },
    )
  }
}

/** Runs `read`; where the data is corrupt or of a newer format, the error names the file. */
export function namingFile<T>(location: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    throw new SluiceError(error.kind, `${location}: ${error.message}`, {
      cause: error,
      isRetryable: error.isRetryable,
      context: { ...error.context, location },
    })
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}
