import avro from 'avsc'
import { readAvroContainer } from '../../../tables/write/avro-container.ts'

const headerType = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
})
const blockType = avro.Type.forSchema({
  type: 'record',
  name: 'Block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
    { name: 'sync', type: { type: 'fixed', name: 'BlockSync', size: 16 } },
  ],
})

/** The same Avro file as a writer would make it that knows nothing of Iceberg's field ids. */
export function withoutFieldIds(bytes: Uint8Array): Uint8Array {
  return repack(bytes, 'null', (text) => text.replaceAll(/,"(field|element)-id":\d+/g, ''))
}

/** The same Avro file with its block in a zstandard frame (of raw blocks). */
export function packZstandard(bytes: Uint8Array): Uint8Array {
  return repack(bytes, 'zstandard', (text) => text)
}

function repack(
  bytes: Uint8Array,
  codec: 'null' | 'zstandard',
  schemaOf: (text: string) => string,
): Uint8Array {
  const { header, blocks } = readAvroContainer(bytes)
  const sync = Buffer.alloc(16, 7)
  const meta: Record<string, Buffer> = { 'avro.codec': Buffer.from(codec) }
  for (const [name, text] of header) {
    if (name === 'avro.schema') meta[name] = Buffer.from(schemaOf(text))
    else if (name !== 'avro.codec' && !name.startsWith('sluice.')) meta[name] = Buffer.from(text)
  }
  const head = headerType.toBuffer({ magic: Buffer.from('Obj\x01', 'latin1'), meta, sync })
  const packed = blocks.map((block) => {
    const data = codec === 'null' ? Buffer.from(block.bytes) : zstandardFrame(block.bytes)
    return blockType.toBuffer({ count: block.recordCount, data, sync })
  })
  return Buffer.concat([head, ...packed])
}

/**
 * One frame with its size in four bytes and one raw block.
 * Source: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 */
function zstandardFrame(content: Uint8Array): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32LE(0xfd2fb528, 0)
  head.writeUInt8(0xa0, 4)
  head.writeUInt32LE(content.length, 5)
  head.writeUIntLE(content.length * 8 + 1, 9, 3)
  return Buffer.concat([head, content])
}
