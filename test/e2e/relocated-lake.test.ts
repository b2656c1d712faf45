import { cpSync, existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { relocateLake, type RelocatedLake } from '../../pipelines/lake/relocate-lake.ts'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import { verifyLake, type VerifyReport } from '../../pipelines/verify/verify-lake.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { startRestServer } from '../../tables/catalog/rest-server.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { runPython } from '../support/pyiceberg.ts'
import { describeWithService } from '../support/service.ts'
import { openStockLake, type LakeStates } from '../support/stock-lake.ts'

interface Answer {
  readonly reads: unknown
  readonly problems: readonly string[]
}

await describeWithService('pyiceberg', 'PyIceberg as a reader of a lake that was moved', () => {
  let folder: string
  let moved: RelocatedLake
  let before: Answer
  let after: Answer
  let verified: VerifyReport

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice moved-'))
    const { lake, states } = await openStockLake()
    before = await readAll(lake, states)
    await lake.close()
    const [copy, place] = [join(folder, 'copy'), join(folder, 'another place')]
    cpSync(lake.directory ?? '', copy, { recursive: true })
    await relocate(copy)
    // The copy's own place is empty then: nothing can be read there.
    await rename(copy, place)
    moved = await relocate(place)
    expect(existsSync(copy)).toBe(false)
    const relocated = await openExistingLake(place)
    after = await readAll(relocated, states)
    verified = await verifyLake({ lake: relocated, isDeep: true })
    await relocated.close()
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const relocate = (directory: string) =>
    relocateLake({ directory, clock: systemClock, ids: randomIds })

  async function readAll(lake: Lake, states: LakeStates): Promise<Answer> {
    const server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
    try {
      const request = join(folder, 'request.json')
      await writeFile(request, JSON.stringify({ url: server.url, states }))
      const script = join(import.meta.dirname, 'pyiceberg-reads.py')
      return JSON.parse((await runPython(script, [request])).stdout) as Answer
    } finally {
      await server.close()
    }
  }

  it('reads the same rows at every state, those with position deletes too', () => {
    expect(moved.deleteFileCount).toBeGreaterThan(0)
    expect(after.reads).toEqual(before.reads)
  })

  it('finds every bound, count, size and partition in the new manifests true', () => {
    expect(after.problems).toEqual([])
  })

  it('is whole, compactions, expired snapshots and kept cuts and all', () => {
    expect(verified.checks.flatMap(({ findings }) => findings)).toEqual([])
    expect(verified.isFine).toBe(true)
  })
})
