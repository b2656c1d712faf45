import { open } from 'node:fs/promises'
import { SluiceError } from '../errors.ts'
import { readThriftStruct } from './thrift-reader.ts'
import type { ThriftStruct, ThriftValue } from './thrift-reader.ts'

/** A column of a Parquet file, or a part of one: as the file has it, not as the table wants it. */
export interface ParquetColumn {
  readonly name: string
  readonly fieldId?: number
  readonly kind: 'primitive' | 'struct' | 'list' | 'map'
  /** Of a struct its members, of a list the element, of a map key and value. */
  readonly children: readonly ParquetColumn[]
  /** What is stored, for a primitive; equal texts are equal types. */
  readonly stored: string
  /** A primitive of bytes that says what they mean. */
  readonly meaning?: 'text' | 'uuid' | 'other'
}

const MAGIC = 'PAR1'
const TAIL_BYTES = 8
/** Holds the schema of nearly every file: one read. */
const FIRST_READ_BYTES = 32 * 1024

/** Field ids of the Thrift structs. Source: https://github.com/apache/parquet-format parquet.thrift */
const SCHEMA_OF_FILE = 2
const element = {
  type: 1,
  typeLength: 2,
  repetition: 3,
  name: 4,
  childCount: 5,
  converted: 6,
  scale: 7,
  precision: 8,
  fieldId: 9,
  logical: 10,
} as const
const REPEATED = 2
const converted = { text: 0, map: 1, mapKeyValue: 2, list: 3, enum: 4, json: 19 } as const
const logical = { string: 1, map: 2, list: 3, enum: 4, json: 12, uuid: 14 } as const

/** The bytes of a Parquet file, wherever it lies. */
export interface ParquetBytes {
  readonly sizeBytes: number
  /** From `start` up to `end`, exclusive. */
  read(start: number, end: number): Promise<Uint8Array>
}

/**
 * The columns of a local Parquet file, from its footer alone. `location` is for messages. Throws
 * `corrupt-data` for a file that is not Parquet, and `unsupported` for an encrypted footer.
 */
export async function readParquetSchema(
  path: string,
  location: string,
): Promise<readonly ParquetColumn[]> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const read = async (start: number, end: number) => {
      const buffer = Buffer.alloc(end - start)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
      return buffer.subarray(0, bytesRead)
    }
    return await readParquetColumns({ sizeBytes: size, read }, location)
  } finally {
    await file.close()
  }
}

/** The same of a file that may lie in any store: one ranged read of nearly every one. */
export async function readParquetColumns(
  bytes: ParquetBytes,
  location: string,
): Promise<readonly ParquetColumn[]> {
  try {
    return columnsOf(readThriftStruct(await readFooter(bytes, location), SCHEMA_OF_FILE))
  } catch (error) {
    if (error instanceof RangeError) throw corrupt(location, 'its footer is broken', error)
    throw error
  }
}

async function readFooter(bytes: ParquetBytes, location: string): Promise<Uint8Array> {
  const size = bytes.sizeBytes
  const tail = await readAt(bytes, Math.max(0, size - FIRST_READ_BYTES), size)
  const magic = tail.subarray(-4).toString('latin1')
  if (magic === 'PARE') {
    throw new SluiceError(
      'unsupported',
      `The footer of ${location} is encrypted, so its columns are not known. Nothing was read. ` +
        'Rewrite the file without encryption, with the engine that made it.',
    )
  }
  if (size < TAIL_BYTES + 4 || magic !== MAGIC) throw corrupt(location, 'it does not end as one')
  const length = tail.readUInt32LE(tail.length - TAIL_BYTES)
  if (length > size - TAIL_BYTES) throw corrupt(location, 'its footer is larger than the file')
  const start = tail.length - TAIL_BYTES - length
  if (start >= 0) return tail.subarray(start, -TAIL_BYTES)
  return readAt(bytes, size - TAIL_BYTES - length, size - TAIL_BYTES)
}

async function readAt(bytes: ParquetBytes, start: number, end: number): Promise<Buffer> {
  const read = await bytes.read(start, end)
  if (read.byteLength !== end - start) throw new RangeError('the file became shorter')
  return Buffer.from(read.buffer, read.byteOffset, read.byteLength)
}

/** The schema is one list, depth first; each group says how many of what follows are its own. */
function columnsOf(footer: ThriftStruct): readonly ParquetColumn[] {
  const elements = footer.get(SCHEMA_OF_FILE)
  if (!Array.isArray(elements)) throw new RangeError('there is no schema')
  const rest = { elements: elements as readonly ThriftValue[], next: 0 }
  return readElement(rest, 0).children
}

interface Rest {
  readonly elements: readonly ThriftValue[]
  next: number
}

interface SchemaElement extends ParquetColumn {
  readonly isRepeated: boolean
}

const DEPTH_MAX = 100

function readElement(rest: Rest, depth: number): SchemaElement {
  const fields = rest.elements[rest.next]
  if (!(fields instanceof Map) || depth > DEPTH_MAX) throw new RangeError('the schema is no tree')
  rest.next += 1
  const struct = fields as ThriftStruct
  const childCount = numberOf(struct, element.childCount) ?? 0
  const members: SchemaElement[] = []
  for (let index = 0; index < childCount; index += 1) members.push(readElement(rest, depth + 1))
  const fieldId = numberOf(struct, element.fieldId)
  const written = struct.get(element.name)
  const name = typeof written === 'string' ? written : ''
  // The engine's SQL ends at such a character, and has no names without any.
  if (name.includes('\0')) throw new RangeError('a name has no end')
  if (name === '' && depth > 0) throw new RangeError('a column has no name')
  return {
    name,
    ...(fieldId === undefined ? {} : { fieldId }),
    isRepeated: numberOf(struct, element.repetition) === REPEATED,
    ...shapeOf(struct, members, name),
  }
}

type Shape = Pick<ParquetColumn, 'kind' | 'children' | 'stored' | 'meaning'>

function shapeOf(struct: ThriftStruct, members: readonly SchemaElement[], name: string): Shape {
  const [only] = members
  if (only === undefined) return primitiveOf(struct)
  const kind = annotationOf(struct)
  if (members.length === 1 && only.isRepeated && kind !== undefined) {
    if (kind === 'map') return { kind, children: only.children, stored: '' }
    return { kind, children: [elementOf(only, name)], stored: '' }
  }
  return { kind: 'struct', children: members.map(asListed), stored: '' }
}

/**
 * The element of a list: the one member of the repeated group, or, as old writers had it, the
 * repeated field itself. Source: LogicalTypes.md of parquet-format, backward compatibility rules.
 */
function elementOf(repeated: SchemaElement, listName: string): ParquetColumn {
  const [only] = repeated.children
  const isElement =
    only === undefined ||
    repeated.children.length > 1 ||
    repeated.name === 'array' ||
    repeated.name === `${listName}_tuple`
  return isElement ? repeated : only
}

/** A repeated field outside of a list is a list whose elements cannot be null. */
function asListed(member: SchemaElement): ParquetColumn {
  if (!member.isRepeated) return member
  return { name: member.name, kind: 'list', children: [member], stored: '' }
}

function annotationOf(struct: ThriftStruct): 'list' | 'map' | undefined {
  const kind = logicalKind(struct)
  const old = numberOf(struct, element.converted)
  if (kind === logical.list || old === converted.list) return 'list'
  const isMap = old === converted.map || old === converted.mapKeyValue
  return kind === logical.map || isMap ? 'map' : undefined
}

function primitiveOf(struct: ThriftStruct): Shape {
  const { type, typeLength, converted: old, scale, precision, logical: said } = element
  const stored = [type, typeLength, old, scale, precision, said]
    .map((field) => textOf(struct.get(field)))
    .join('/')
  const kind = logicalKind(struct)
  const oldKind = numberOf(struct, element.converted)
  const texts: readonly (number | undefined)[] = [logical.string, logical.enum, logical.json]
  const oldTexts: readonly (number | undefined)[] = [converted.text, converted.enum, converted.json]
  const common = { kind: 'primitive' as const, children: [], stored }
  if (kind === logical.uuid) return { ...common, meaning: 'uuid' }
  if (kind !== undefined && texts.includes(kind)) return { ...common, meaning: 'text' }
  if (oldKind !== undefined && oldTexts.includes(oldKind)) return { ...common, meaning: 'text' }
  return kind === undefined && oldKind === undefined ? common : { ...common, meaning: 'other' }
}

/** The logical type is a union: a struct of the one field that is set. */
function logicalKind(struct: ThriftStruct): number | undefined {
  const said = struct.get(element.logical)
  if (!(said instanceof Map)) return undefined
  const [kind] = said.keys()
  return typeof kind === 'number' ? kind : undefined
}

function textOf(value: ThriftValue | undefined): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  if (!(value instanceof Map)) return ''
  const fields = [...(value as ThriftStruct)].map(([id, field]) => `${id}:${textOf(field)}`)
  return `{${fields.join(',')}}`
}

function numberOf(struct: ThriftStruct, field: number): number | undefined {
  const value = struct.get(field)
  return typeof value === 'number' ? value : undefined
}

function corrupt(location: string, fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The file ${location} is not the Parquet that its manifest names: ${fact}. Nothing was ` +
      'read. Restore the file, or roll the table back to a snapshot before it.',
    { context: { file: location }, ...(cause === undefined ? {} : { cause }) },
  )
}
