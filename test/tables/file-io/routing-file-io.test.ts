import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { createRoutingFileIO } from '../../../tables/file-io/routing-file-io.ts'
import { testFileIO } from './file-io-conformance.ts'

testFileIO('routing', (folder) => ({
  fileIO: createRoutingFileIO([
    createLocalFileIO(),
    createMemoryFileIO({ scratchDir: `${folder}/scratch` }),
  ]),
  root: 'memory://lake',
}))

describe('createRoutingFileIO', () => {
  let folder: string
  let memory: FileIO

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
    memory = createMemoryFileIO({ scratchDir: folder })
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('sends each call to the store of the location', async () => {
    const routing = createRoutingFileIO([createLocalFileIO(), memory])
    const bytes = new Uint8Array([1, 2, 3])
    await routing.write('memory://lake/a', bytes)
    await routing.write(`file://${folder}/a`, bytes)
    expect(await memory.read('memory://lake/a')).toEqual(bytes)
    expect(await createLocalFileIO().stat(`file://${folder}/a`)).toMatchObject({ sizeBytes: 3 })
    expect(routing.schemes).toEqual(['file', 'memory'])
  })

  it('refuses a scheme that is not set up, naming the ones that are', async () => {
    const routing = createRoutingFileIO([createLocalFileIO(), memory])
    await expect(routing.read('s3://a/b')).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('known: file, memory') as string,
    })
    await expect(routing.read('/a/b')).rejects.toThrow(/Not a full location/)
    const listed = routing.list('s3://a/b')[Symbol.asyncIterator]()
    await expect(listed.next()).rejects.toThrow(/No store is set up for s3:/)
  })

  it('promises only what every store can do', () => {
    const weak = { ...memory, capabilities: { createIfAbsent: false } }
    const strong = createRoutingFileIO([createLocalFileIO(), memory])
    expect(strong.capabilities.createIfAbsent).toBe(true)
    const mixed = createRoutingFileIO([createLocalFileIO(), weak])
    expect(mixed.capabilities.createIfAbsent).toBe(false)
  })
})
