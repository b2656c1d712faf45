import { createHash } from 'node:crypto'
import { mappedFormatName, type MappedFile } from '../../shared-transforms/formats/mapping.ts'
import type { ArchivePart } from './archive-parts.ts'
import { readArchiveBytes } from './archive-stream.ts'
import { DEFAULT_DELIMITER, resolveMapping, type ColumnMapping } from './column-mapping.ts'
import { fileRangeOf } from './file-range.ts'
import { createLineSplitter, type LineSplitter } from './line-splitter.ts'
import type { ParquetFiles } from './parquet-files.ts'
import { readSplit, type PartReader } from './part-reader.ts'
import { createRecordSplitter, splitCells } from './record-splitter.ts'

export interface MappedInput {
  readonly file: MappedFile
  readonly mapping: ColumnMapping
  /** What opens Parquet. */
  readonly parquet: ParquetFiles
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * The parts of files as a mapping reads them. Looks into each of them for its columns, so that a
 * file that does not fit is told before anything is read. A part's name ends with what it is read
 * by: the same file by another mapping is another part.
 * @throws SluiceError `invalid-input` where a file has not the columns that the mapping names.
 */
export async function resolveMappedParts(
  found: readonly ArchivePart[],
  input: MappedInput,
): Promise<{ readonly parts: readonly ArchivePart[]; readonly reader: PartReader }> {
  const formats = new Map<string, string>()
  const parts: ArchivePart[] = []
  for (const each of found) {
    const names = await readNames(each, input)
    const mapping = resolveMapping(input.file, input.mapping, names, each.shownPath)
    const format = mappedFormatName(input.file, mapping)
    const part = { ...each.part, source: sourceReadBy(each.part.source, format) }
    formats.set(part.source, format)
    parts.push({ ...each, part })
  }
  return {
    parts,
    reader: {
      formatOf: ({ part }) => formats.get(fileRangeOf(part.source).file) ?? '',
      read: (part, startNumber, onRead) => {
        if (input.file === 'parquet') return input.parquet.read(part, startNumber, onRead)
        const chunks = withoutMark(readArchiveBytes(part, onRead))
        return readSplit(chunks, splitterOf(part, input, startNumber), (payload) => {
          return { receivedUs: '', headers: undefined, payload }
        })
      },
    },
  }
}

/** `file:<sha256>:<size>@<12 digits of the format's own sha256>[:<entry>]`. */
function sourceReadBy(source: string, format: string): string {
  const digest = createHash('sha256').update(format).digest('hex').slice(0, 12)
  const [kind, sha256, size, ...entry] = source.split(':')
  return [kind, sha256, `${size}@${digest}`, ...entry].join(':')
}

function splitterOf(
  { shownPath }: ArchivePart,
  { file, mapping }: MappedInput,
  startNumber: number,
): LineSplitter {
  if (file === 'ndjson') return createLineSplitter({ startLine: startNumber, shownPath })
  const { delimiter = DEFAULT_DELIMITER } = mapping
  return createRecordSplitter({ startRecord: startNumber, delimiter, shownPath })
}

/** The columns that a file names; undefined where it names none. */
async function readNames(
  part: ArchivePart,
  input: MappedInput,
): Promise<readonly string[] | undefined> {
  const { file, mapping, parquet } = input
  if (file === 'parquet') return parquet.columnNames(part)
  if (file === 'ndjson' || mapping.hasHeader === false) return undefined
  const splitter = splitterOf(part, input, 0)
  const ignoreBytes = (): void => undefined
  for await (const chunk of withoutMark(readArchiveBytes(part, ignoreBytes))) {
    const [first] = splitter.split(chunk)
    if (first !== undefined) return namesIn(first.bytes, mapping)
  }
  const [last] = splitter.rest()
  // An empty file has nothing that a column could be missing of.
  return last === undefined ? namesAskedFor(mapping) : namesIn(last.bytes, mapping)
}

function namesIn(header: Uint8Array, { delimiter = DEFAULT_DELIMITER }: ColumnMapping) {
  const text = Buffer.from(header.buffer, header.byteOffset, header.byteLength).toString('utf8')
  return splitCells(text, delimiter)
}

function namesAskedFor({ columns }: ColumnMapping): readonly string[] {
  return [...new Set(Object.values(columns).flat().map(String))]
}

/** The mark says how the file is encoded; it is of no record. */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk
      continue
    }
    head = Buffer.concat([head, chunk])
    if (head.length < BYTE_ORDER_MARK.length) continue
    yield head.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
      ? head.subarray(BYTE_ORDER_MARK.length)
      : head
    head = undefined
  }
  if (head !== undefined) yield head
}
