import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import { planBackfill } from '../../../pipelines/backfill/plan-backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { readRows } from '../../support/lake-content.ts'
import { endCommand } from '../../support/run-command.ts'
import {
  closeLakes,
  cutCount,
  fileOf,
  folder,
  mapping,
  never,
  openAnother,
  run,
  takeOver,
} from './print-files.ts'
import { HOUR_MS, makeLeanFolder, printsFrom } from './lean-files.ts'

const leanFolder = makeLeanFolder()
let lake: Lake
beforeEach(async () => {
  lake = await openAnother()
})
afterEach(closeLakes)
afterAll(() => {
  folder.remove()
  leanFolder.remove()
})

const AT = '1722859200000,100,1'
const prints = (number: number, fromHour: number, toHour: number, day = 0) =>
  fileOf({ number, pieces: [{ symbol: 'SPY', day, fromHour, toHour }] })
const rowCount = async () =>
  (await readRows(lake, 'silver.trades', 'SELECT count(*)::INTEGER AS n FROM t'))[0]

describe('files of one run that overlap each other', { timeout: 120_000 }, () => {
  it('are refused without ids, by their names, into an empty lake and any other', async () => {
    const files = [prints(1, 8, 12), prints(2, 12, 15), prints(3, 20, 23)]
    const refusal = run(lake, files)
    await expect(refusal).rejects.toMatchObject({ kind: 'invalid-input' })
    const message = await refusal.catch(String)
    expect(message).toContain('Nothing of it was committed')
    expect(message).toContain('us-equity SPY 2024-08-05')
    for (const file of files.slice(0, 2)) expect(message).toContain(file)
    expect(message).not.toContain(files[2])
    expect(await cutCount(lake)).toBe(0)
    await run(lake, [files[0] ?? '', files[2] ?? ''])
    const more = [prints(4, 1, 3), prints(5, 2, 4)]
    await expect(run(lake, more)).rejects.toThrow(/Files of the input overlap/)
    await expect(takeOver(lake, more)).rejects.toThrow(/Files of the input overlap/)
    expect(await rowCount()).toEqual({ n: 9 })
  })

  it('are refused where one of them is in the lake already', async () => {
    const [first, second] = [prints(1, 8, 12), prints(2, 10, 15)]
    await run(lake, [first])
    await expect(run(lake, [first, second])).rejects.toThrow(/--take-over/)
    await expect(takeOver(lake, [first, second])).rejects.toThrow(/Files of the input overlap/)
    expect(await rowCount()).toEqual({ n: 5 })
    await takeOver(lake, [second])
    expect(await rowCount()).toEqual({ n: 6 })
  })

  it('are shown by the plan, which a person and a program can read', async () => {
    const [first, second] = [prints(1, 8, 12), prints(2, 10, 15)]
    for (const takesOver of [false, true]) {
      const plan = await planBackfill(
        { lake, format: 'csv', mapping, files: [first, second], takesOver },
        never,
      )
      expect(plan?.inputOverlaps).toHaveLength(1)
      expect(plan?.inputOverlaps[0]?.files.map(({ path }) => path).sort()).toEqual([first, second])
    }
    const lean = [10, 11].map((hour) =>
      leanFolder.write('20131007', 'spy', printsFrom(hour * HOUR_MS, 3, HOUR_MS)),
    )
    const nowhere = join(leanFolder.path, 'nowhere')
    const args = ['backfill', '--dry-run', '--format', 'lean-trades', ...lean]
    const { stdout, exitCode } = await endCommand(nowhere, ...args)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /would be refused, files of the input overlap each other:\n {2}trade us-eq/,
    )
    for (const file of lean) expect(stdout).toContain(file)
    expect(stdout).not.toContain('would be taken')
    const json = JSON.parse((await endCommand(nowhere, ...args, '--json')).stdout) as unknown
    expect(json).toMatchObject({
      inputOverlaps: [{ day: '2013-10-07', files: [{ from: expect.any(String) as string }, {}] }],
    })
  })

  it('are taken with ids, and where one is behind the other, and of a day with other symbols', async () => {
    await run(lake, [prints(1, 8, 12), prints(2, 13, 15), prints(3, 8, 12, 1)])
    expect(await rowCount()).toEqual({ n: 13 })
    const withIds = [1, 2].map((number) => {
      const path = join(folder.path, `ids-${number}.csv`)
      const lines = ['id,symbol,at,price,quantity', ...[7, number].map((id) => `${id},IBM,${AT}`)]
      writeFileSync(path, `${lines.join('\n')}\n`)
      return path
    })
    const columns = { ...mapping.columns, trade_id: 'id' }
    await run(lake, withIds, { mapping: { ...mapping, columns } })
    expect(await rowCount()).toEqual({ n: 13 + 3 })
  })

  it('are looked for only where their names do not say that they are of other days', async () => {
    const write = (day: string, symbol: string) =>
      leanFolder.write(day, symbol, printsFrom(10 * HOUR_MS, 3))
    const phasesOf = async (files: readonly string[]) => {
      const phases = new Set<string>()
      await backfill(
        {
          ...{ lake: await openAnother(), writer: 'test', format: 'lean-trades', files },
          onProgress: (phase) => phases.add(phase),
        },
        never,
      )
      return [...phases]
    }
    const files = [write('20131007', 'spy'), write('20131008', 'spy'), write('20131007', 'ibm')]
    expect(await phasesOf(files)).toEqual(['load'])
    const later = leanFolder.write('20131007', 'spy', printsFrom(12 * HOUR_MS, 3))
    expect(await phasesOf([...files, later])).toEqual(['check', 'load'])
  })
})
