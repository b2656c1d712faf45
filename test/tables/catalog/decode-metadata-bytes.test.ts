import { gzipSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { decodeMetadataBytes, namingFile } from '../../../tables/catalog/decode-metadata-bytes.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import { parseTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import { readGolden } from '../../support/golden.ts'

const text = readGolden('iceberg-java/TableMetadataV2Valid.json')
const location = 'file:///lake/t/metadata/v1.gz.metadata.json'

async function failureOf(bytes: Uint8Array): Promise<unknown> {
  try {
    await decodeMetadataBytes(location, bytes)
    return undefined
  } catch (error) {
    return error
  }
}

describe('the bytes of a metadata file', () => {
  it('are read plain and packed, whatever the name says', async () => {
    expect(await decodeMetadataBytes(location, Buffer.from(text))).toBe(text)
    expect(await decodeMetadataBytes('file:///t/v1.json', gzipSync(text))).toBe(text)
  })

  it('are refused with the file named where they are cut, flipped or no text', async () => {
    const packed = gzipSync(text)
    const flipped = Buffer.from(packed)
    flipped.writeUInt8((flipped[60] ?? 0) ^ 0xff, 60)
    for (const bytes of [packed.subarray(0, 100), flipped, Buffer.from([0xff, 0xfe, 0x7b])]) {
      const error = await failureOf(bytes)
      expect(isErrorKind(error, 'corrupt-data')).toBe(true)
      expect(String(error)).toContain(location)
    }
  })

  it('of zstandard are refused as what they are', async () => {
    const error = await failureOf(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0))
    expect(isErrorKind(error, 'unsupported')).toBe(true)
  })

  it('that break the specification are refused with the file named', () => {
    const read = () => namingFile(location, () => parseTableMetadata('{"format-version": 2}'))
    expect(read).toThrow(`${location}: Table metadata breaks`)
    try {
      read()
    } catch (error) {
      expect(isErrorKind(error, 'corrupt-data')).toBe(true)
    }
  })
})
