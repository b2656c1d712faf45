import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { createFaultyFileIO, type PlannedFault } from '../../support/faulty-file-io.ts'
import { testFileIO } from './file-io-conformance.ts'

testFileIO('a faulty store without faults', (folder) => ({
  fileIO: createFaultyFileIO(createMemoryFileIO({ scratchDir: `${folder}/scratch` }), {
    faults: [],
  }),
  root: 'memory://lake',
}))

describe('a faulty store', () => {
  const open = (faults: readonly PlannedFault[], wait?: () => Promise<void>) => {
    const inner = createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused') })
    const options = wait === undefined ? { faults } : { faults, wait }
    return { inner, faulty: createFaultyFileIO(inner, options) }
  }
  const bytes = new Uint8Array([1, 2, 3])

  it('fails the planned call alone, before it or after it is carried out', async () => {
    const { inner, faulty } = open([
      { operation: 'write', nth: 2, how: 'before' },
      { operation: 'write', nth: 3, how: 'after' },
    ])
    await faulty.write('memory://a/1', bytes)
    for (const name of ['2', '3']) {
      await expect(faulty.write(`memory://a/${name}`, bytes)).rejects.toMatchObject({
        kind: 'storage-unavailable',
      })
    }
    await faulty.write('memory://a/4', bytes)
    const there = ['1', '2', '3', '4'].map((name) => inner.stat(`memory://a/${name}`))
    expect((await Promise.all(there)).map((stat) => stat !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ])
    expect(faulty.struck).toHaveLength(2)
  })

  it('reads short, waits, and chooses by location', async () => {
    let waits = 0
    const { faulty } = open(
      [
        { operation: 'read', location: /short$/, how: 'short' },
        { operation: 'read', location: /slow$/, how: 'slow' },
        { operation: 'list', how: 'after' },
      ],
      async () => {
        waits += 1
      },
    )
    for (const name of ['short', 'slow']) await faulty.write(`memory://a/${name}`, bytes)
    expect(await faulty.read('memory://a/short')).toEqual(bytes.subarray(0, 2))
    expect(await faulty.read('memory://a/slow')).toEqual(bytes)
    expect(waits).toBe(1)
    const seen: string[] = []
    const listing = async (): Promise<void> => {
      for await (const file of faulty.list('memory://a')) seen.push(file.location)
    }
    await expect(listing()).rejects.toMatchObject({ kind: 'storage-unavailable' })
    expect(seen).toHaveLength(2)
  })
})
