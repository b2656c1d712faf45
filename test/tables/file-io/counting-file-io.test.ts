import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { systemClock } from '../../../tables/clock.ts'
import { createCountingFileIO, fileKindOf } from '../../../tables/file-io/counting-file-io.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { testFileIO } from './file-io-conformance.ts'

testFileIO('counting', (folder) => ({
  fileIO: createCountingFileIO(
    createMemoryFileIO({ scratchDir: `${folder}/scratch`, clock: systemClock }),
  ),
  root: 'memory://lake',
}))

describe('createCountingFileIO', () => {
  it('counts opens and bytes by kind of file, and only what succeeded', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
    try {
      const fileIO = createCountingFileIO(
        createMemoryFileIO({ scratchDir: join(folder, 'scratch'), clock: systemClock }),
      )
      const metadata = 'memory://l/t/metadata/00001-a.metadata.json'
      await fileIO.write(metadata, new Uint8Array(10))
      await fileIO.read(metadata)
      await fileIO.read(metadata, { offset: 2, length: 3 })
      await expect(fileIO.read('memory://l/x.avro')).rejects.toThrow()
      await writeFile(join(folder, 'x'), '1234567')
      await fileIO.adopt(join(folder, 'x'), 'memory://l/t/data/x.parquet')
      await fileIO.localPath('memory://l/t/data/x.parquet')
      await fileIO.stat('memory://l/t/data/x.parquet')
      await fileIO.stat('memory://l/t/metadata/snap-1.avro')
      await fileIO.delete('memory://l/t/data/x.parquet')

      const read = { openCount: 0, bytesRead: 0, statCount: 0 }
      const none = { ...read, writeCount: 0, bytesWritten: 0, deleteCount: 0 }
      expect(fileIO.counts()).toEqual({
        'table-metadata': { ...none, openCount: 2, bytesRead: 13, writeCount: 1, bytesWritten: 10 },
        'manifest-list': { ...none, statCount: 1 },
        manifest: none,
        data: {
          ...{ ...none, openCount: 1, statCount: 1 },
          ...{ writeCount: 1, bytesWritten: 7, deleteCount: 1 },
        },
        other: none,
      })
      fileIO.resetCounts()
      expect(fileIO.counts().data).toEqual(none)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('knows a file by the name that Iceberg writers give it', () => {
    expect(fileKindOf('s3://b/t/metadata/snap-12-1-aa.avro')).toBe('manifest-list')
    expect(fileKindOf('s3://b/t/metadata/aa-m0.avro')).toBe('manifest')
    expect(fileKindOf('s3://b/_sluice/deletes/12.json')).toBe('other')
  })
})
