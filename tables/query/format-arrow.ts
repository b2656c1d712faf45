import {
  AsyncByteQueue,
  Field,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from 'apache-arrow'
import type { DataType, RecordBatchWriter } from 'apache-arrow'
import type { TypedColumn } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { arrowTypeOf } from './arrow-type.ts'
import { arrowVector } from './arrow-vector.ts'
import { uniqueNames } from './unique-names.ts'

export interface ArrowRows {
  readonly columns: readonly TypedColumn[]
  /** Values as `toExactValue` says. */
  readonly rows: AsyncIterable<readonly RowValue[]>
}

/** A stream is read from its begin; a file has an index at its end, and can be memory-mapped. */
export type ArrowForm = 'file' | 'stream'

const BATCH_ROWS_MAX = 16_384
/** Texts, bytes and lists count into this, so that wide rows make batches of few rows. */
const BATCH_SIZE_MAX = 16 * 1024 * 1024

/**
 * A result in Arrow's IPC format, in pieces that are to be written one after the other. One batch
 * of rows is held at a time. Column names are made unique. A result without rows has its schema.
 * @throws SluiceError `unsupported` for a value or a type that Arrow does not hold exactly.
 */
export async function* formatArrow(
  { columns, rows }: ArrowRows,
  form: ArrowForm,
): AsyncGenerator<Uint8Array> {
  const names = uniqueNames(columns)
  const schema = new Schema(
    columns.map(({ name, valueType }, index) => {
      return new Field(names[index] ?? name, arrowTypeOf(valueType, name), true)
    }),
  )
  const { writer, taken } = createWriter(form)
  writer.reset(undefined, schema)
  let batch: (readonly RowValue[])[] = []
  let size = 0
  for await (const row of rows) {
    batch.push(row)
    size += sizeOf(row)
    if (batch.length < BATCH_ROWS_MAX && size < BATCH_SIZE_MAX) continue
    writer.write(recordBatch(schema, columns, batch))
    yield* taken()
    batch = []
    size = 0
  }
  if (batch.length > 0) writer.write(recordBatch(schema, columns, batch))
  writer.finish()
  yield* taken()
}

/** Keeps what the writer writes until it is asked for: the package's own queue has no bound. */
class Pieces extends AsyncByteQueue {
  #pieces: Uint8Array[] = []

  override write(piece: Uint8Array): void {
    if (piece.byteLength > 0) this.#pieces.push(piece)
  }

  take(): readonly Uint8Array[] {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }
}

function createWriter(form: ArrowForm): {
  readonly writer: RecordBatchWriter
  readonly taken: () => readonly Uint8Array[]
} {
  const pieces = new Pieces()
  const writer = form === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter()
  writer.reset(pieces)
  return { writer, taken: () => pieces.take() }
}

function recordBatch(
  schema: Schema,
  columns: readonly TypedColumn[],
  rows: readonly (readonly RowValue[])[],
): RecordBatch {
  const children = columns.map(({ valueType }, index) => {
    const field = schema.fields[index] as Field<DataType> | undefined
    if (field === undefined) throw new RangeError(`no field for the column ${index}`)
    const values = rows.map((row) => row[index] ?? null)
    return arrowVector(valueType, field.type, values)
  })
  const type = new Struct(schema.fields)
  return new RecordBatch(
    schema,
    makeData({ type, length: rows.length, nullCount: 0, nullBitmap: null, children }),
  )
}

/** About as many bytes as a value takes; only what has no fixed size needs to be right. */
function sizeOf(value: RowValue): number {
  if (typeof value === 'string') return value.length + 8
  if (value === null || typeof value !== 'object') return 8
  if (value instanceof Uint8Array) return value.byteLength + 8
  const members: readonly RowValue[] = Array.isArray(value) ? value : Object.values(value)
  return members.reduce<number>((size, member) => size + sizeOf(member), 8)
}
