import { createAvroCursor, forEachItem } from './avro-cursor.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { isUnion } from './avro-schema.ts'
import type { AvroSchema } from './avro-schema.ts'

type Skip = (cursor: AvroCursor) => void

/**
 * Walks over `count` records without keeping anything. The codec library makes room for as many
 * items as an array says, however few bytes are left: a broken count would end the process.
 * Throws RangeError where the bytes hold no such records.
 */
export function createAvroCheck(schema: AvroSchema): (bytes: Buffer, count: number) => void {
  const skipRecord = skipOf(schema, new Map())
  return (bytes, count) => {
    if (!(count >= 0 && count <= bytes.length)) throw new RangeError(`${count} records in a block`)
    const cursor = createAvroCursor(bytes)
    for (let index = 0; index < count; index += 1) skipRecord(cursor)
  }
}

/** `named` has the types that were met so far, by the last part of their names. */
function skipOf(schema: AvroSchema, named: Map<string, Skip>): Skip {
  if (typeof schema === 'string') return skipOfName(schema, named)
  if (isUnion(schema)) {
    const branches = schema.map((branch) => skipOf(branch, named))
    return (cursor) => {
      const branch = branches[cursor.readLong()]
      if (branch === undefined) throw new RangeError('a union has no such branch')
      branch(cursor)
    }
  }
  if ('fields' in schema) {
    const fields: Skip[] = []
    const skipRecord: Skip = (cursor) => {
      for (const skip of fields) skip(cursor)
    }
    named.set(lastPart(schema.name), skipRecord)
    for (const field of schema.fields) fields.push(skipOf(field.type, named))
    return skipRecord
  }
  if ('items' in schema) {
    const skipItem = skipOf(schema.items, named)
    return (cursor) => {
      forEachItem(cursor, () => {
        skipItem(cursor)
      })
    }
  }
  if (schema.type === 'fixed') {
    const { size = 0 } = schema
    const skipFixed: Skip = (cursor) => {
      cursor.skip(size)
    }
    named.set(lastPart(schema.name ?? ''), skipFixed)
    return skipFixed
  }
  if (schema.type === 'map') return skipMap((schema as { values?: AvroSchema }).values, named)
  if (schema.type === 'enum') {
    const skipEnum = skipOfName('int', named)
    named.set(lastPart(schema.name ?? ''), skipEnum)
    return skipEnum
  }
  return skipOf(schema.type, named)
}

function skipMap(values: AvroSchema | undefined, named: Map<string, Skip>): Skip {
  const skipValue = skipOf(values ?? 'null', named)
  return (cursor) => {
    forEachItem(cursor, () => {
      cursor.skip(cursor.readLong())
      skipValue(cursor)
    })
  }
}

function skipOfName(name: string, named: Map<string, Skip>): Skip {
  switch (name) {
    case 'null':
      return () => undefined
    case 'boolean':
      return (cursor) => {
        cursor.skip(1)
      }
    case 'int':
    case 'long':
      return (cursor) => {
        cursor.readLong()
      }
    case 'float':
      return (cursor) => {
        cursor.skip(4)
      }
    case 'double':
      return (cursor) => {
        cursor.skip(8)
      }
    case 'bytes':
    case 'string':
      return (cursor) => {
        cursor.skip(cursor.readLong())
      }
    default:
      return (cursor) => {
        const skip = named.get(lastPart(name))
        if (skip === undefined) throw new RangeError(`the type ${name} is not known`)
        skip(cursor)
      }
  }
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
