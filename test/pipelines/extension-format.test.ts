import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endCommand, runCommand } from '../support/run-command.ts'

const AT_MS = Date.parse('2025-01-15T10:30:00Z')

/**
 * Trades of a venue whose message holds several of them, as no declared format can read it:
 * `IBM 1736937000000 175.5x100 175.6x5`. A line that begins with # says nothing.
 */
const MODULE = `
const framed = [
  'source', 'source_partition', 'source_offset', 'message_key', 'headers', 'payload',
  'payload_encoding', 'received_ts', 'ingested_ts',
].join(', ')
const line = '[A-Z]{1,8} [0-9]{13}( [0-9]{1,6}[.][0-9]{1,2}x[0-9]{1,6})+'
export const extension = {
  name: 'desk',
  formats: [
    {
      name: 'desk-prints',
      version: 1,
      kinds: ['trade'],
      idKind: () => 'opaque',
      isEventTimeReceived: () => false,
      routeSql: (messages) =>
        \`SELECT \${framed}, 'desk-prints' AS format, 'trade' AS kind, \` +
        \`coalesce(starts_with(payload, '#'), false) AS is_ignored FROM \${messages} AS f\`,
      decodeSql: (kind, routed) =>
        \`SELECT \${framed}, CAST(place AS INTEGER) AS source_row, format, kind, \` +
        \`CASE WHEN NOT is_line THEN 'bad-line' END AS reason, NULL::VARCHAR AS detail, \` +
        \`'desk' AS venue, words[1] AS venue_symbol, 'desk:' || words[1] AS instrument_id, \` +
        \`words[2] || '-' || place AS trade_id, NULL::BIGINT AS trade_seq, \` +
        \`make_timestamptz(1000 * TRY_CAST(words[2] AS BIGINT)) AS event_ts, \` +
        \`TRY_CAST(split_part(words[3 + place], 'x', 1) AS DECIMAL(18, 8)) AS price, \` +
        \`TRY_CAST(split_part(words[3 + place], 'x', 2) AS DECIMAL(28, 8)) AS quantity, \` +
        \`'unknown' AS taker_side, NULL::VARCHAR AS conditions, false AS is_rounded, \` +
        \`NULL::BOOLEAN AS seq_is_contiguous FROM (SELECT *, \` +
        \`unnest(range(CASE WHEN is_line THEN len(words) - 2 ELSE 1 END)) AS place FROM (\` +
        \`SELECT *, CASE WHEN is_line THEN string_split(payload, ' ') END AS words FROM (SELECT *, \` +
        \`coalesce(regexp_full_match(payload, '\${line}'), false) AS is_line FROM \${routed} AS r \` +
        \`WHERE kind = '\${kind}' AND NOT is_ignored)))\`,
    },
  ],
}
`

let folder: string
let directory: string
let module: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-format-'))
  directory = join(folder, 'lake')
  module = join(folder, 'desk.mjs')
  await writeFile(module, MODULE)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const sluice = (...args: readonly string[]) => runCommand(directory, ...args, '--extension', module)
const query = async (sql: string) =>
  JSON.parse(await sluice('sql', '--format', 'json', sql)) as readonly Record<string, unknown>[]
const expectFine = async () => {
  const end = await endCommand(directory, 'verify', '--deep', '--json', '--extension', module)
  expect(JSON.parse(end.stdout)).toMatchObject({ isFine: true, findings: [] })
}

describe('a format with its own SQL in an extension', { timeout: 240_000 }, () => {
  it('is taken in by a backfill: rows of a message, rejects, duplicates, bars', async () => {
    const prints = `IBM ${AT_MS} 175.5x100 175.6x5`
    const lines = ['# prints', prints, `IBM ${AT_MS + 1000} 175.4x10`, 'IBM none', prints]
    const path = join(folder, 'prints.txt')
    await writeFile(path, `${lines.join('\n')}\n`)
    const told = await sluice('backfill', '--json', '--format', 'desk-prints', path)
    expect(JSON.parse(told)).toMatchObject({
      ...{ messageCount: 5, rejectedCount: 1, duplicateCount: 2 },
    })
    const rows = await query(
      'SELECT source_offset, source_row, instrument_id, trade_id, price, quantity ' +
        'FROM silver.trades ORDER BY source_offset, source_row',
    )
    expect(rows.map((row) => Object.values(row).map(String).join(' '))).toEqual([
      `1 0 desk:IBM ${AT_MS}-0 175.50000000 100.00000000`,
      `1 1 desk:IBM ${AT_MS}-1 175.60000000 5.00000000`,
      `2 0 desk:IBM ${AT_MS + 1000}-0 175.40000000 10.00000000`,
    ])
    const refused = await query('SELECT payload, reason FROM silver.rejected_messages')
    expect(refused).toEqual([{ payload: 'IBM none', reason: 'bad-line' }])
    const [day] = await query(
      "SELECT open, high, low, close, trade_count FROM gold.bars WHERE step = '1d'",
    )
    expect(Object.values(day ?? {}).map(Number)).toEqual([175.5, 175.6, 175.4, 175.4, 3])
    await expectFine()
  })

  it('is derived again by a replay, which finds nothing to change', async () => {
    await sluice('seal', '--until', '2025-01-16')
    const days = ['--from', '2025-01-15', '--to', '2025-01-16']
    const check = await endCommand(directory, 'replay', ...days, '--check', '--extension', module)
    expect([check.exitCode, check.stdout]).toEqual([0, expect.stringContaining('silver.trades')])
    await sluice('replay', ...days)
    await expectFine()
  })

  it('of another version is named by the status, and its days are replayed by it', async () => {
    const better = MODULE.replace('version: 1', 'version: 2').replace("'unknown' AS", "'buy' AS")
    const path = join(folder, 'better.mjs')
    await writeFile(path, better)
    const run = (...args: readonly string[]) => runCommand(directory, ...args, '--extension', path)
    expect(await run('status')).toMatch(/2025-01-15/)
    await run('replay', '--from', '2025-01-15', '--to', '2025-01-16')
    const sides = 'SELECT taker_side, count(*) AS n FROM silver.trades GROUP BY ALL'
    const read = JSON.parse(await run('sql', '--format', 'json', sides)) as readonly object[]
    expect(read.map((row) => Object.values(row).map(String))).toEqual([['buy', '3']])
    const end = await endCommand(directory, 'verify', '--deep', '--json', '--extension', path)
    expect(JSON.parse(end.stdout)).toMatchObject({ isFine: true, findings: [] })
  })
})
