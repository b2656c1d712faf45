import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListedMessage } from '../../support/list-source.ts'
import { openLocalLake, type LocalLake } from '../../support/local-lake.ts'
import { runCommand } from '../../support/run-command.ts'
import { runList } from '../../support/run-list.ts'

const RECEIVED_US = 1_736_985_590_000_000n
const long = `{"trade_id":"${'x'.repeat(500)}"}`
const payloads = [
  '{"trade_id":',
  '{"trade_id":"\u009b31m"}',
  null,
  Buffer.from([0xc3, 0x28]),
  '{"trade_id": oops}',
  long,
]
const messages: readonly ListedMessage[] = payloads.map((payload, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload,
  receivedUs: RECEIVED_US,
}))

interface ShownReject {
  readonly reason: string
  readonly source_offset: number
  readonly payload: string | null
  readonly payload_encoding: string
}

describe('sluice rejects', () => {
  let local: LocalLake
  const run = (...args: readonly string[]) => runCommand(local.directory, 'rejects', ...args)
  beforeAll(async () => {
    local = await openLocalLake()
    await runList(local.lake, messages, [3])
  })
  afterAll(() => local.close())

  it('counts what was refused by reason, the most frequent first', async () => {
    const groups = JSON.parse(await run('list', '--json')) as { reason: string; count: number }[]
    expect(groups.map(({ reason, count }) => [reason, count])).toEqual([
      ['bad-json', 2],
      ['missing-field', 2],
      ['not-utf8', 1],
      ['tombstone', 1],
    ])
    expect(await run('list')).toMatch(/reason +messages +format[^\n]*\n[^\n]*\n?bad-json +2/)
  })

  it('shows the newest with their payload, whole for programs', async () => {
    const rows = JSON.parse(await run('show', '--json')) as ShownReject[]
    expect(rows.map(({ source_offset: offset }) => offset)).toEqual([5, 4, 3, 2, 1, 0])
    expect(rows[0]?.payload).toBe(long)
    expect(rows[2]).toMatchObject({ payload_encoding: 'base64', payload: 'wyg=' })
    expect(rows[3]?.payload).toBeNull()
  })

  it('shows a person one line a payload, shortened, that cannot steer a terminal', async () => {
    const text = await run('show')
    expect(text).not.toContain('\u009b')
    expect(text).toContain('\\u009b31m')
    expect(text).not.toContain('x'.repeat(250))
    expect(text).toMatch(/… \(\d+ more\)/)
  })

  it('tries them again, and says what came of it', async () => {
    const plan = JSON.parse(await run('replay', '--dry-run', '--json')) as {
      reasons: { reason: string; messageCount: number; derivedCount: number }[]
    }
    const counts = plan.reasons.map((one) => [one.reason, one.messageCount, one.derivedCount])
    expect(counts.sort()).toEqual([
      ['bad-json', 2, 0],
      ['missing-field', 2, 0],
      ['not-utf8', 1, 0],
      ['tombstone', 1, 0],
    ])
    expect(await run('replay', '--reason', 'bad-json')).toMatch(/no cut was made: 2 stay/)
    await expect(run('replay', '--from', '2026-01-01')).rejects.toMatchObject({
      kind: 'invalid-input',
    })
  })

  it('leaves out what was not asked for', async () => {
    const rows = JSON.parse(
      await run('show', '1', '--reason', 'bad-json', '--json'),
    ) as ShownReject[]
    expect(rows.map(({ source_offset: offset }) => offset)).toEqual([4])
    expect(await run('list', '--source', 'kafka:other')).toBe('nothing was refused\n')
    expect(JSON.parse(await run('list', '--since', '1h', '--json'))).toHaveLength(4)
  })
})
