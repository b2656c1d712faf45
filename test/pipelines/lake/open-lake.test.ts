import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'

it('keeps all of a lake in its folder, whatever characters its name has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-open-'))
  try {
    const directory = join(folder, 'my lake 100%25 ü')
    const ports = { clock: systemClock, ids: randomIds }
    const made = await openLake({ directory, ...ports, createIfMissing: true })
    await made.close()
    // A folder beside it would hold the tables where the name was encoded on the way.
    expect(await readdir(folder)).toEqual(['my lake 100%25 ü'])
    await access(join(directory, 'warehouse', 'gold', 'bars', 'metadata'))

    const again = await openLake({ directory, ...ports, createIfMissing: false })
    const loaded = await again.catalog.loadTable(tableId('gold.bars'))
    expect(loaded?.metadata.location).toBe(`file://${directory}/warehouse/gold/bars`)
    await again.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
