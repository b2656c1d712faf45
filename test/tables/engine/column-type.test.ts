import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { columnType } from '../../../tables/engine/column-type.ts'
import { createEngine } from '../../../tables/engine/engine.ts'
import type { Engine, Session } from '../../../tables/engine/engine.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import type { IcebergType, PrimitiveType } from '../../../tables/spec/schema.ts'

const nested: IcebergType = {
  type: 'struct',
  fields: [
    { id: 1, name: 'a b', required: false, type: 'long' },
    {
      id: 2,
      name: 'levels',
      required: false,
      type: {
        type: 'list',
        'element-id': 3,
        'element-required': false,
        element: {
          type: 'map',
          'key-id': 4,
          key: 'string',
          'value-id': 5,
          'value-required': false,
          value: 'decimal(18, 8)',
        },
      },
    },
  ],
}

describe('the engine type of a column', () => {
  let scratchDir: string
  let engine: Engine
  let session: Session

  beforeAll(async () => {
    scratchDir = await mkdtemp(join(tmpdir(), 'sluice-engine-'))
    engine = await createEngine({ scratchDir, memoryLimit: '256MB' })
    session = await engine.connect()
  })

  afterAll(async () => {
    session.close()
    await engine.close()
    await rm(scratchDir, { recursive: true, force: true })
  })

  async function engineName(type: IcebergType): Promise<string | undefined> {
    const [row] = await session.rows<{ name: string }>(
      `SELECT typeof(CAST(NULL AS ${columnType(type)})) AS name`,
    )
    return row?.name
  }

  it.each<[PrimitiveType, string]>([
    ['boolean', 'BOOLEAN'],
    ['int', 'INTEGER'],
    ['long', 'BIGINT'],
    ['float', 'FLOAT'],
    ['double', 'DOUBLE'],
    ['date', 'DATE'],
    ['time', 'TIME'],
    ['timestamp', 'TIMESTAMP'],
    ['timestamptz', 'TIMESTAMP WITH TIME ZONE'],
    ['timestamp_ns', 'TIMESTAMP_NS'],
    ['string', 'VARCHAR'],
    ['uuid', 'UUID'],
    ['binary', 'BLOB'],
    ['fixed[7]', 'BLOB'],
    ['decimal(38, 9)', 'DECIMAL(38,9)'],
    ['unknown', '"NULL"'],
  ])('of %s is one that the engine itself calls %s', async (type, name) => {
    expect(await engineName(type)).toBe(name)
  })

  it('of a nested column is nested', async () => {
    expect(await engineName(nested)).toBe(
      'STRUCT("a b" BIGINT, levels MAP(VARCHAR, DECIMAL(18,8))[])',
    )
  })

  it.each<PrimitiveType>(['timestamptz_ns', 'variant', 'geometry(srid:1)', 'geography'])(
    'is refused for %s, with the column named',
    (type) => {
      const struct: IcebergType = {
        type: 'struct',
        fields: [{ id: 9, name: 'place', required: false, type }],
      }
      expect(() => columnType(struct, 'order')).toThrow(
        `The column order.place has the type ${type}`,
      )
      try {
        columnType(type)
      } catch (error) {
        expect(isErrorKind(error, 'unsupported')).toBe(true)
      }
    },
  )
})
