import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createMetadataFiles } from '../../../tables/catalog/metadata-files.ts'
import { randomIds } from '../../../tables/clock.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../../tables/file-io/local-location.ts'
import { parseTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'
import { sampleTable } from '../write/sample-table.ts'
import { createSampleTables, inFolder, openDiskCatalog, trades } from './open-test-catalog.ts'

const CODEC = 'write.metadata.compression-codec'
const setCodec = (codec: string): TableUpdate => {
  return { action: 'set-properties', updates: { [CODEC]: codec } }
}

describe('metadata files', () => {
  it('are packed where the table says so, which their names say', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const commit = async (...updates: readonly TableUpdate[]) => {
        const [table] = await catalog.commitTransaction([
          { identifier: trades, requirements: [], updates },
        ])
        if (table === undefined) throw new Error('nothing was committed')
        const bytes = await createLocalFileIO().read(table.metadataLocation)
        return { ...table, bytes }
      }
      for (const codec of ['gzip', 'GZIP']) {
        const { metadata, metadataLocation, bytes } = await commit(setCodec(codec))
        expect(metadataLocation).toMatch(/\/0000[12]-[0-9a-f-]{36}\.gz\.metadata\.json$/)
        expect(parseTableMetadata(gunzipSync(bytes).toString('utf8'))).toEqual(metadata)
        const other = openDiskCatalog(folder)
        expect((await other.loadTable(trades))?.metadata).toEqual(metadata)
        await other.close()
      }
      const plain = await commit({ action: 'remove-properties', removals: [CODEC] })
      expect(plain.metadataLocation).toMatch(/\/00003-[0-9a-f-]{36}\.metadata\.json$/)
      expect(parseTableMetadata(Buffer.from(plain.bytes).toString())).toEqual(plain.metadata)
      const log = plain.metadata['metadata-log'].map((entry) => entry['metadata-file'])
      expect(log.map((file) => file.endsWith('.gz.metadata.json'))).toEqual([false, true, true])
      await catalog.close()
    })
  })

  it('are not packed in a way that is none: the commit that asks for it is refused', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const before = await catalog.loadTable(trades)
      const call = catalog.commitTransaction([
        { identifier: trades, requirements: [], updates: [setCodec('lzma')] },
      ])
      await expect(call).rejects.toMatchObject({ kind: 'invalid-input' })
      await expect(call).rejects.toThrow(/is "lzma"\. Nothing was committed/)
      expect(await catalog.loadTable(trades)).toEqual(before)
      await catalog.close()
    })
  })
})

describe('a metadata file that somebody removed', () => {
  it('is an error to everybody but the process that holds what it said', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const known = await catalog.loadTable(trades)
      const lost = known?.metadataLocation ?? ''
      await createLocalFileIO().delete(lost)
      expect(await catalog.loadTable(trades)).toEqual(known)
      const gone = { kind: 'corrupt-data', message: expect.stringContaining(lost) as string }
      const other = openDiskCatalog(folder)
      await expect(other.loadTable(trades)).rejects.toMatchObject(gone)
      await other.close()
      // The REST server's readers may open it themselves; a pointer to it would be a new one.
      await expect(catalog.loadTable(trades, { mustBeThere: true })).rejects.toMatchObject(gone)
      const again = { namespace: ['market'], name: 'again' }
      await expect(catalog.registerTable(again, lost)).rejects.toMatchObject(gone)
      // The next commit writes one that is there.
      await catalog.commitTransaction([
        { identifier: trades, requirements: [], updates: [setCodec('gzip')] },
      ])
      const healed = openDiskCatalog(folder)
      expect((await healed.loadTable(trades))?.metadata.properties).toEqual({ [CODEC]: 'gzip' })
      await healed.close()
      await catalog.close()
    })
  })
})

await describeWithService('pyiceberg', 'PyIceberg as a reader of metadata files', () => {
  it('unpacks them', async () => {
    await inFolder(async (folder) => {
      const files = createMetadataFiles(createLocalFileIO(), randomIds)
      const metadata = sampleTable({
        location: locationOfPath(join(folder, 't')),
        columns: { id: 'long' },
        properties: { [CODEC]: 'gzip' },
      })
      const location = files.nextLocation(metadata, undefined)
      await files.write(location, metadata)
      const script = join(import.meta.dirname, '..', 'scan', 'pyiceberg-rows.py')
      expect(JSON.parse((await runPython(script, [location])).stdout)).toEqual([[]])
    })
  })
})
