import { rm } from 'node:fs/promises'
import { SluiceError } from '../../tables/errors.ts'
import { mappedFiles } from '../../shared-transforms/formats/mapping.ts'
import type { Lake } from '../lake/lake.ts'
import { readArchiveParts, type ArchivePart } from '../sources/archive-parts.ts'
import type { ColumnMapping } from '../sources/column-mapping.ts'
import type { NamedMarket } from '../sources/line-framing.ts'
import { listFiles } from '../sources/list-files.ts'
import { resolveMappedParts } from '../sources/mapped-parts.ts'
import { createParquetFiles } from '../sources/parquet-files.ts'
import { createLineReader, type PartReader } from '../sources/part-reader.ts'
import { spoolInput, STANDARD_INPUT } from './spool-input.ts'

/** Which files, and how their bytes are written. */
export interface InputChoice {
  readonly lake: Lake
  /** A format of the lake's model, or a kind of files that a mapping reads. */
  readonly format: string
  /** Which column is what: of `csv`, `ndjson` and `parquet`, and needed there. */
  readonly mapping?: ColumnMapping
  /** Venue and symbol of klines, whose files do not say them. */
  readonly market?: NamedMarket
  /** Files, folders and patterns; `-` is standard input. */
  readonly files: readonly string[]
  /** Absent: there is none that could be read. */
  readonly standardInput?: AsyncIterable<Uint8Array>
}

export interface OpenInput {
  readonly parts: readonly ArchivePart[]
  readonly reader: PartReader
}

/**
 * Works with the files as parts, and what reads them. Undefined where the signal came before
 * standard input was at its end.
 * @throws SluiceError `invalid-input` for files that the format or its mapping cannot read. Also as
 * `listFiles`, `readArchiveParts` and `spoolInput`.
 */
export async function withInput<T>(
  options: InputChoice,
  signal: AbortSignal,
  work: (input: OpenInput) => Promise<T>,
): Promise<T | undefined> {
  const { lake, files, standardInput } = options
  const named = files.filter((file) => file !== STANDARD_INPUT)
  const paths = await listFiles(named)
  if (named.length === files.length) return work(await openInput(options, paths))
  const spooled = await spoolInput(lake, standardInput, signal).catch((error: unknown) => {
    if (signal.aborted) return undefined
    throw error
  })
  if (spooled === undefined) return undefined
  try {
    return await work(await openInput(options, [...paths, spooled], spooled))
  } finally {
    await rm(spooled, { force: true })
  }
}

/** Nobody knows the `spooled` file in scratch by its name. */
async function openInput(
  options: InputChoice,
  paths: readonly string[],
  spooled?: string,
): Promise<OpenInput> {
  const { lake, format, mapping, market } = options
  const parts = (await readArchiveParts(paths)).map((part): ArchivePart => {
    if (part.path !== spooled) return part
    return { ...part, shownPath: part.shownPath.replace(spooled, 'standard input') }
  })
  if (lake.model.formats.has(format)) return { parts, reader: createLineReader(format, market) }
  const file = mappedFiles.find((one) => one === format)
  if (file === undefined) throw new RangeError(`${format} is no format of the lake`)
  if (mapping === undefined) {
    throw new SluiceError(
      'invalid-input',
      `${format} needs a mapping: which column is what. Nothing was read. Write one below ` +
        '`mappings` in a config, and name it.',
    )
  }
  return resolveMappedParts(parts, { file, mapping, parquet: createParquetFiles(lake) })
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
