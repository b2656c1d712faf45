import { SluiceError } from '../../tables/errors.ts'
import type { MappedFile } from '../../shared-transforms/formats/mapping.ts'
import type { Lake } from '../lake/lake.ts'
import { readArchiveParts, type ArchivePart } from '../sources/archive-parts.ts'
import type { ColumnMapping } from '../sources/column-mapping.ts'
import { isArchiveFormat, type ArchiveFormat, type NamedMarket } from '../sources/line-framing.ts'
import { resolveMappedParts } from '../sources/mapped-parts.ts'
import { createParquetFiles } from '../sources/parquet-files.ts'
import { createLineReader, type PartReader } from '../sources/part-reader.ts'

/** Which files, and how their bytes are written. */
export interface InputChoice {
  readonly lake: Lake
  readonly format: ArchiveFormat | MappedFile
  /** Which column is what: of `csv`, `ndjson` and `parquet`, and needed there. */
  readonly mapping?: ColumnMapping
  /** Venue and symbol of klines, whose files do not say them. */
  readonly market?: NamedMarket
  readonly files: readonly string[]
}

export interface OpenInput {
  readonly parts: readonly ArchivePart[]
  readonly reader: PartReader
}

/**
 * The files as parts, and what reads them.
 * @throws SluiceError `invalid-input` for files that the format or its mapping cannot read. Also as
 * `readArchiveParts`.
 */
export async function openInput(options: InputChoice): Promise<OpenInput> {
  const { lake, format, mapping, market } = options
  const parts = await readArchiveParts(options.files)
  if (isArchiveFormat(format)) return { parts, reader: createLineReader(format, market) }
  if (mapping === undefined) {
    throw new SluiceError(
      'invalid-input',
      `${format} needs a mapping: which column is what. Nothing was read. Write one below ` +
        '`mappings` in a config, and name it.',
    )
  }
  return resolveMappedParts(parts, { file: format, mapping, parquet: createParquetFiles(lake) })
}

/**
 * Of parts that Trino takes in: it runs one text over all messages of a cut.
 * @throws SluiceError `unsupported` where they have several.
 */
export function onlyFormatOf(parts: readonly ArchivePart[], reader: PartReader): string {
  const [first = '', ...others] = new Set(parts.map(reader.formatOf))
  if (others.length === 0) return first
  throw new SluiceError(
    'unsupported',
    `The files have their columns in ${others.length + 1} different orders, and Trino derives one ` +
      'at a time. Nothing was read. Give files of one header at a time, or leave --engine trino out.',
  )
}
