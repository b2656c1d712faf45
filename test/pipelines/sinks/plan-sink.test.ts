import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { planSink, readSinkStanding } from '../../../pipelines/sinks/plan-sink.ts'
import { createSinkPositions } from '../../../pipelines/sinks/sink-position.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-plan-sink-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const rows = { name: 'a', table: 'silver.trades', start: 'latest' } as const
const parquet = (path: string) => ({ ...rows, type: 'parquet', folder: path }) as const
const kafka = { ...rows, type: 'kafka', topic: 'prices' } as const

describe('the plan of a sink', () => {
  it('finds a folder that is there, and one that would be made, and makes none', async () => {
    for (const path of [folder, join(folder, 'not', 'yet')]) {
      const plan = await planSink(parquet(path), {}, undefined)
      expect(plan).toEqual({ ...rows, type: 'parquet', target: path })
    }
    expect(await readdir(folder)).toEqual([])
  })

  it('names the file that stands where a folder has to be', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    for (const path of [file, join(file, 'below')]) {
      const { problem } = await planSink(parquet(path), {}, undefined)
      expect(problem).toContain(`${file} is no folder`)
    }
    const other = join(folder, 'other')
    await mkdir(other)
    await writeFile(join(other, 'silver.trades'), '')
    const { problem } = await planSink(parquet(other), {}, undefined)
    expect(problem).toContain(`${join(other, 'silver.trades')} is no folder`)
  })

  it('misses a topic only where the brokers said which they have', async () => {
    expect(await planSink(kafka, {}, new Set(['prices']))).not.toHaveProperty('problem')
    expect(await planSink(kafka, {}, undefined)).not.toHaveProperty('problem')
    const { problem } = await planSink(kafka, {}, new Set(['stocks']))
    expect(problem).toMatch(/topic "prices", which the brokers do not have\. Create it/)
  })
})

describe('where a sink stands', () => {
  it('is its cut, nothing where the lake does not know it, and a problem where that is broken', async () => {
    const fileIO = createMemoryFileIO({ scratchDir: folder })
    const positions = createSinkPositions(fileIO, 'memory://lake')
    expect(await readSinkStanding(positions, 'a')).toEqual({})
    await positions.write('a', { cutNumber: 7, snapshotId: undefined })
    const standing = await readSinkStanding(positions, 'a')
    expect(standing).toEqual({ afterCut: 7 })
    expect(await planSink(kafka, standing, undefined)).toMatchObject({ afterCut: 7 })
    await fileIO.write('memory://lake/_sluice/sinks/b.json', Buffer.from('{"cut":"x"}'))
    const broken = await readSinkStanding(positions, 'b')
    expect(broken.problem).toContain('does not say how far its sink is')
    expect(await planSink(kafka, broken, undefined)).toMatchObject(broken)
  })
})
