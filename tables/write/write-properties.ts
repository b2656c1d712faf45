import { SluiceError } from '../errors.ts'

/** How Parquet files of a table are made, by its properties. */
export interface WriteProperties {
  /** In the engine's words. */
  readonly codec: string
  /** Zstandard only; undefined: the default. */
  readonly compressionLevel: number | undefined
  readonly targetFileSizeBytes: number
  /** Undefined where the table leaves it to the writer. */
  readonly rowGroupSizeBytes: number | undefined
  readonly rowGroupRows: number | undefined
}

/** As other engines have it. */
const TARGET_FILE_SIZE_BYTES = 512 * 1024 * 1024

/** Codecs by their names in table properties. Of the two lz4 forms that of newer readers. */
const codecs: Readonly<Record<string, string>> = {
  zstd: 'zstd',
  snappy: 'snappy',
  gzip: 'gzip',
  lz4: 'lz4_raw',
  lz4_raw: 'lz4_raw',
  brotli: 'brotli',
  none: 'uncompressed',
  uncompressed: 'uncompressed',
}

/**
 * Reads `write.parquet.*` and `write.target-file-size-bytes`.
 * Throws `invalid-input` for a value that is none.
 * Source: https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function writeProperties(properties: Readonly<Record<string, string>>): WriteProperties {
  const codecName = properties['write.parquet.compression-codec'] ?? 'zstd'
  const codec = codecs[codecName.toLowerCase()]
  if (codec === undefined) {
    throw badProperty('write.parquet.compression-codec', codecName, Object.keys(codecs).join(', '))
  }
  const count = (name: string): number | undefined => {
    const text = properties[name]
    if (text === undefined) return undefined
    const value = Number(text)
    if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value
    throw badProperty(name, text, 'a whole number above 0')
  }
  return {
    codec,
    compressionLevel: count('write.parquet.compression-level'),
    targetFileSizeBytes: count('write.target-file-size-bytes') ?? TARGET_FILE_SIZE_BYTES,
    rowGroupSizeBytes: count('write.parquet.row-group-size-bytes'),
    rowGroupRows: count('write.parquet.row-group-limit'),
  }
}

function badProperty(property: string, text: string, expected: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The table property ${property} is "${text}". Nothing was written. Set it to: ${expected}.`,
    { context: { property } },
  )
}
