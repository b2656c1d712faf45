import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../pipelines/config/load-config.ts'
import { loadExtensions } from '../../pipelines/config/load-extensions.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { openLocalLog } from '../../pipelines/producers/local-log.ts'
import { createLogSource } from '../../pipelines/sources/log-source.ts'
import { extendModel } from '../../shared-transforms/extension/extend-model.ts'
import type {
  DeclaredFormat,
  LakeExtension,
} from '../../shared-transforms/extension/lake-extension.ts'
import { builtInModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { repositoryRoot } from '../support/data.ts'
import { readRows } from '../support/lake-content.ts'
import { endCommand, runCommand } from '../support/run-command.ts'

const example = join(repositoryRoot, 'examples/funding-rates.mjs')
const sample = join(repositoryRoot, 'examples/funding-rates-2025-01-15.jsonl')

interface Line {
  readonly symbol: string
  readonly fundingTime: number
  readonly fundingRate: string
  readonly markPrice?: string
}

/** 2025-01-16, a day that the sample does not have. */
const NEXT_DAY_MS = 1_736_985_600_000
const lineOf = (line: Partial<Line>) =>
  JSON.stringify({
    symbol: 'BTCUSDT',
    fundingTime: NEXT_DAY_MS,
    fundingRate: '0.0001',
    ...line,
  })

let folder: string
let directory: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-extension-'))
  directory = join(folder, 'lake')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const sluice = (...args: readonly string[]) =>
  runCommand(directory, ...args, '--extension', example)
const backfill = (...files: readonly string[]) =>
  sluice('backfill', '--json', '--format', 'binance-funding', ...files)
const query = async (sql: string) =>
  JSON.parse(await sluice('sql', '--format', 'json', sql)) as readonly Record<string, unknown>[]
const verifyDeep = () => endCommand(directory, 'verify', '--deep', '--json', '--extension', example)
const expectFine = async () => {
  const { stdout, exitCode } = await verifyDeep()
  expect(JSON.parse(stdout)).toMatchObject({ isFine: true, findings: [] })
  expect(exitCode).toBe(0)
}

/** Text of 8 decimals as whole hundred-millionths. */
const units = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const size = BigInt(whole + fraction.padEnd(8, '0'))
  return text.startsWith('-') ? -size : size
}

async function runLive(model: LakeModel, lines: readonly string[]): Promise<void> {
  const lake = await openLake({
    ...{ directory, model, clock: systemClock, ids: randomIds },
    createIfMissing: false,
  })
  const log = await openLocalLog({ directory: join(folder, 'log'), name: 'funding' })
  const stop = new AbortController()
  let left = lines.length
  try {
    await log.append(
      lines.map((line) => {
        return { key: null, payload: Buffer.from(line), receivedUs: systemClock.nowUs() }
      }),
    )
    const { scratchDir } = lake
    await runMicroBatches(
      {
        ...{ lake, mode: 'live', writer: 'test' },
        source: createLogSource({ log, format: 'binance-funding', scratchDir, ids: randomIds }),
        limits: { rows: 100, bytes: 1_000_000, timeMs: 20 },
        onCut: ({ messageCount }) => {
          left -= messageCount
          if (left <= 0) stop.abort()
        },
      },
      stop.signal,
    )
  } finally {
    await log.close()
    await lake.close()
  }
}

describe('a kind of somebody else', { timeout: 300_000 }, () => {
  it('is taken in by a backfill, each row as its line says, and aggregated into gold', async () => {
    const lines = (await readFile(sample, 'utf8')).trim().split('\n')
    const given = lines.map((line) => JSON.parse(line) as Line)
    expect(JSON.parse(await backfill(sample))).toMatchObject({
      ...{ messageCount: given.length, rejectedCount: 0, duplicateCount: 0 },
    })
    const rows = await query(
      'SELECT venue, venue_symbol, instrument_id, funding_rate_id, epoch_ms(event_ts) AS ms, ' +
        'rate, mark_price FROM silver.funding_rates ORDER BY ms, venue_symbol',
    )
    expect(
      rows.map((row) => ({
        ...row,
        ms: Number(row['ms']),
        rate: units(String(row['rate'])),
        mark_price: row['mark_price'] === null ? null : units(row['mark_price'] as string),
      })),
    ).toEqual(
      given.map(({ symbol, fundingTime, fundingRate, markPrice }) => ({
        venue: 'binance-futures',
        venue_symbol: symbol,
        instrument_id: `binance-futures:${symbol}`,
        funding_rate_id: `${fundingTime}000`,
        ms: fundingTime,
        rate: units(fundingRate),
        mark_price: markPrice === undefined ? null : units(markPrice),
      })),
    )
    const days = await query(
      "SELECT venue_symbol, last_rate, rate_count, sum_rate FROM gold.funding WHERE step = '1d'",
    )
    for (const { venue_symbol: symbol, ...day } of days) {
      const own = given.filter((line) => line.symbol === symbol)
      expect(Number(day['rate_count'])).toBe(own.length)
      expect(units(String(day['last_rate']))).toBe(units(own.at(-1)?.fundingRate ?? ''))
      const sum = own.reduce((total, { fundingRate }) => total + units(fundingRate), 0n)
      expect(units(String(day['sum_rate']))).toBe(sum)
    }
    expect(days).toHaveLength(new Set(given.map(({ symbol }) => symbol)).size)
    expect(JSON.parse(await backfill(sample))).toMatchObject({ partsRead: 0, partsSkipped: 1 })
  })

  it('refuses what cannot be a row with its reason, and takes a row once', async () => {
    const bad = [
      ['{"symbol":"BTCUSDT"', 'bad-json'],
      [lineOf({ fundingRate: 'high' }), 'bad-number'],
      ['{"symbol":"BTCUSDT","fundingTime":1736985600000}', 'missing-field'],
      [lineOf({ fundingRate: '1.5' }), 'out-of-range'],
      [lineOf({ fundingRate: '-2e9' }), 'out-of-range'],
      [lineOf({ markPrice: '0' }), 'out-of-range'],
      [lineOf({ fundingTime: -1 }), 'bad-time'],
      [lineOf({ symbol: '' }), 'missing-field'],
    ] as const
    const good = lineOf({ markPrice: '99000.5' })
    const conflict = lineOf({ fundingRate: '0.0002', markPrice: '99000.5' })
    const path = join(folder, 'bad.jsonl')
    await writeFile(path, [...bad.map(([line]) => line), good, good, conflict].join('\n'))
    expect(JSON.parse(await backfill(path))).toMatchObject({
      messageCount: bad.length + 3,
      rejectedCount: bad.length + 1,
      duplicateCount: 1,
    })
    const refused = await query(
      'SELECT payload, kind, reason FROM silver.rejected_messages ORDER BY source_offset',
    )
    expect(refused.map(({ payload, reason }) => [payload, reason])).toEqual([
      ...bad,
      [conflict, 'conflicting-duplicate'],
    ])
    expect(new Set(refused.map(({ kind }) => kind))).toEqual(new Set(['funding_rate']))
    await expectFine()
  })

  it('comes from a log too, goes on after a restart, and knows what files held', async () => {
    const model = await loadExtensions([example], folder)
    const at = (hours: number) => NEXT_DAY_MS + hours * 3_600_000
    await runLive(model, [lineOf({ fundingTime: at(8) }), lineOf({ markPrice: '99000.5' })])
    await runLive(model, [lineOf({ fundingTime: at(8) }), lineOf({ fundingTime: at(16) })])
    const lake = await openLake({
      ...{ directory, model, clock: systemClock, ids: randomIds },
      createIfMissing: false,
    })
    try {
      const times = await readRows<{ ms: bigint; source: string }>(
        lake,
        'silver.funding_rates',
        `SELECT epoch_ms(event_ts) AS ms FROM t WHERE source = 'log:funding' ORDER BY ms`,
      )
      expect(times.map(({ ms }) => Number(ms))).toEqual([at(8), at(16)])
    } finally {
      await lake.close()
    }
    await expectFine()
  })

  it('is derived again by a replay, which finds nothing to change, and known to all commands', async () => {
    await sluice('seal', '--until', '2025-01-18')
    const days = ['--from', '2025-01-15', '--to', '2025-01-17']
    const check = await endCommand(directory, 'replay', ...days, '--check', '--extension', example)
    expect(check.exitCode).toBe(0)
    expect(check.stdout).toContain('silver.funding_rates')
    await sluice('replay', ...days)
    expect(JSON.parse(await sluice('status', '--json'))).toBeTypeOf('object')
    for (const table of ['silver.funding_rates', 'gold.funding']) {
      expect(await sluice('tables')).toContain(table.split('.')[1])
      expect(await sluice('describe', table)).toContain('rate')
    }
    await expectFine()
  })

  it('must be loaded by whoever opens the lake: cuts name all tables', async () => {
    await expect(runCommand(directory, 'status')).rejects.toThrow(
      /has tables of the extension funding-rates, which is not loaded.*--extension FILE/s,
    )
  })

  it('is refused where it declares a table otherwise than the lake has it', async () => {
    const text = await readFile(example, 'utf8')
    const changed = join(folder, 'changed.mjs')
    await writeFile(
      changed,
      text.replace("{ name: 'rate', holds: 'rate'", "{ name: 'rate', holds: 'quantity'"),
    )
    await expect(runCommand(directory, 'status', '--extension', changed)).rejects.toThrow(
      /declares rate of silver\.funding_rates otherwise/,
    )
  })

  it('is named by a config, whose formats and tables are then known to it', async () => {
    const path = join(folder, 'sluice.yaml')
    const text =
      `lake: ./lake\nextensions: [${JSON.stringify(example)}]\nkafka: { brokers: ['h:1'] }\n` +
      'sources: [{ topic: funding, format: binance-funding }]\n' +
      'sinks: [{ name: s, type: console, table: silver.funding_rates }]\n'
    await writeFile(path, text)
    const { model, sources } = await loadConfig(path)
    expect(model.extensions.map(({ name }) => name)).toEqual(['funding-rates'])
    expect(sources.map(({ format }) => format)).toEqual(['binance-funding'])
    await writeFile(path, text.replace(/extensions: .*\n/, ''))
    await expect(loadConfig(path)).rejects.toThrow(/format must be one of stock-json/)
  })
})

const kind = {
  name: 'open_interest',
  doc: 'One row is.',
  identity: 'time',
  columns: [{ name: 'quantity', holds: 'quantity', doc: 'Contracts.' }],
} as const
const format: DeclaredFormat = {
  ...{ name: 'venue-interest', version: 1, kind: 'open_interest', file: 'csv' },
  header: ['s', 't', 'q'],
  columns: { venue_symbol: 's', event_ts: 't', quantity: 'q' },
  constants: { venue: 'venue' },
  time: { unit: 's' },
}
const extension: LakeExtension = { name: 'interest', kinds: [kind], formats: [format] }

describe('an extension', () => {
  it('adds to a model and leaves the given one as it is', () => {
    const before = [...builtInModel.tables]
    const { tables, kinds, formats } = extendModel(builtInModel, extension)
    expect(kinds).toContain('open_interest')
    expect(formats.has('venue-interest')).toBe(true)
    expect(tables.at(-1)?.name).toBe('sluice.cuts')
    expect(tables.map(({ name }) => name)).toContain('silver.open_interests')
    expect(builtInModel.tables).toEqual(before)
    expect(builtInModel.formats.has('venue-interest')).toBe(false)
  })

  it.each<[string, LakeExtension, RegExp]>([
    ['a kind', { name: 'x', kinds: [{ ...kind, name: 'trade' }] }, /a kind trade already/],
    ['a table', { name: 'x', kinds: [{ ...kind, name: 'gap' }] }, /view silver\.gaps already/],
    [
      'a format',
      { ...extension, formats: [{ ...format, name: 'stock-json' }] },
      /a format stock-json already/,
    ],
    ['its own', { name: 'x', kinds: [kind, kind] }, /a kind open_interest already/],
  ])('is refused where the name of %s is taken', (_, taken, message) => {
    expect(() => extendModel(builtInModel, taken)).toThrow(message)
  })

  it('is refused a second time', () => {
    const once = extendModel(builtInModel, extension)
    expect(() => extendModel(once, extension)).toThrow(/an? extension interest already/)
  })

  const withFormat = (changed: object): LakeExtension => {
    return { ...extension, formats: [{ ...format, ...changed }] }
  }
  it.each<[string, LakeExtension, RegExp]>([
    ['SQL in a name', { name: 'x', kinds: [{ ...kind, name: 'a; DROP' }] }, /cannot be a kind/],
    [
      'a column that every table has',
      { name: 'x', kinds: [{ ...kind, columns: [{ ...kind.columns[0], name: 'venue' }] }] },
      /has a column venue, as every table/,
    ],
    [
      'no number',
      { name: 'x', kinds: [{ ...kind, columns: [{ name: 'note', holds: 'text', doc: 'x' }] }] },
      /has no column that holds/,
    ],
    ['a column that is none', withFormat({ constants: { venue: 'v', colour: 'red' } }), /colour/],
    ['a column that is missing', withFormat({ constants: {} }), /says nothing of venue/],
    ['a key that is not in the header', withFormat({ header: ['s', 't'] }), /have: q/],
    ['another kind', withFormat({ kind: 'trade' }), /no kind of the extension/],
    [
      'gold without an aggregate',
      {
        ...extension,
        gold: [
          {
            ...{ name: 'gold.interest', doc: 'x', kind: 'open_interest' },
            columns: [{ name: 'n', type: 'long', doc: 'x', partial: 'count(*)' }],
          },
        ],
      },
      /neither partial and merge/,
    ],
  ])('is refused with %s', (_, wrong, message) => {
    expect(() => extendModel(builtInModel, wrong)).toThrow(message)
  })

  it.each([
    ['throws', "throw new Error('no luck')", /cannot be loaded \(no luck\)/],
    ['exports none', 'export const other = 1', /exports nothing that is called extension/],
    [
      'has a key that is unknown',
      "export const extension = { name: 'x', kind: [] }",
      /Unrecognized key: "kind"/,
    ],
  ])('whose file %s is refused by its path', async (what, text, message) => {
    const path = join(folder, `${what.replaceAll(' ', '-')}.mjs`)
    await writeFile(path, text)
    const loading = loadExtensions([path], '/')
    await expect(loading).rejects.toThrow(message)
    await expect(loading).rejects.toSatisfy((error) => isErrorKind(error, 'invalid-input'))
  })

  it('whose file is not there is refused', async () => {
    await expect(loadExtensions(['./none.mjs'], folder)).rejects.toThrow(/none\.mjs cannot be/)
  })

  it('that the command line and the config both name counts once', async () => {
    const once = await loadExtensions([example], folder)
    expect((await loadExtensions([example], '/', once)).extensions).toEqual(once.extensions)
  })
})
