import { constants } from 'node:fs'
import { access, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath, pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { testFileIO } from './file-io-conformance.ts'

testFileIO('local', (folder) => ({
  fileIO: createLocalFileIO(),
  root: locationOfPath(join(folder, 'lake')),
}))

const sharedMemory = '/dev/shm'
const hasSharedMemory = await access(sharedMemory, constants.W_OK).then(
  () => true,
  () => false,
)

describe('createLocalFileIO', () => {
  it.skipIf(!hasSharedMemory)('takes over a file that lies on another device', async () => {
    const elsewhere = await mkdtemp(join(sharedMemory, 'sluice-'))
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
    try {
      expect((await stat(elsewhere)).dev).not.toBe((await stat(folder)).dev)
      await writeFile(join(elsewhere, 'x'), 'rows')
      const fileIO = createLocalFileIO()
      await fileIO.adopt(join(elsewhere, 'x'), locationOfPath(join(folder, 'data/x')))
      expect(await readdir(elsewhere)).toEqual([])
      expect(await readdir(join(folder, 'data'))).toEqual(['x'])
    } finally {
      await rm(elsewhere, { recursive: true })
      await rm(folder, { recursive: true })
    }
  })

  it('leaves no temporary file behind a write that fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
    try {
      const fileIO = createLocalFileIO()
      await fileIO.write(locationOfPath(join(folder, 'taken/x')), new Uint8Array(1))
      await expect(
        fileIO.write(locationOfPath(join(folder, 'taken')), new Uint8Array(1)),
      ).rejects.toMatchObject({ kind: 'storage-unavailable' })
      expect(await readdir(folder)).toEqual(['taken'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('local locations', () => {
  it('come back as the same path, whatever is in the names', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => {
      return !/[/\0]/.test(text) && text !== '.' && text !== '..'
    })
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        const path = `/${names.join('/')}`
        expect(pathOfLocation(locationOfPath(path))).toBe(path)
      }),
    )
  })

  it('are read in the three spellings that engines write', () => {
    for (const location of ['file:///a/b', 'file:/a/b', 'file://localhost/a/b']) {
      expect(pathOfLocation(location)).toBe('/a/b')
    }
  })

  it('are refused where they are no absolute local path', () => {
    for (const location of ['/a/b', 'a', 's3://a/b', 'file://host/a', 'file:a', 'file:///a/../b']) {
      expect(() => pathOfLocation(location)).toThrow(/Nothing was read or written/)
    }
    expect(() => locationOfPath('a/b')).toThrow(/Not an absolute path/)
  })
})
