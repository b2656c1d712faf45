import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { STEP_SESSION } from '../../pipelines/backfill/by-trino/trino-session.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { bronzeSql } from '../../shared-transforms/bronze.ts'
import {
  barsFinalizeSql,
  barsMergeSql,
  barsPartialSql,
  klineBarsPartialSql,
} from '../../shared-transforms/bars.ts'
import { dailyFilledSql, forecastInputSql } from '../../shared-transforms/daily-history.ts'
import { klineGapsSql } from '../../shared-transforms/kline-gaps.ts'
import { duplicateRule, duplicatesSql } from '../../shared-transforms/duplicates.ts'
import type { Format } from '../../shared-transforms/formats/formats.ts'
import { mappedFormatName } from '../../shared-transforms/formats/mapping.ts'
import {
  gapsSql,
  numberRunsMergeSql,
  numberRunsPartialSql,
} from '../../shared-transforms/number-runs.ts'
import {
  spreadsFinalizeSql,
  spreadsMergeSql,
  spreadsPartialSql,
} from '../../shared-transforms/spreads.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { deriveMessages, formatNamed } from '../shared-transforms/decode-messages.ts'
import type { TestMessage } from '../shared-transforms/messages.ts'
import { oddTrades } from '../shared-transforms/odd-trades.ts'
import { poisons } from '../shared-transforms/poisons.ts'
import { openSqlSession, type SqlSession } from '../shared-transforms/sql-session.ts'
import { describeWithService } from '../support/service.ts'
import { createStepEngines, STEPS_SCHEMA, type StepEngines } from '../support/trino-steps.ts'
import { sharedTrino, type TestTrino } from '../support/trino.ts'
import { loadRepeats } from './trino-steps-generated.ts'
import {
  captureMessages,
  klineMessages,
  leanMessages,
  leanQuoteMessages,
  mappedMessages,
  stockMessages,
} from './trino-steps-data.ts'

const none = { onlyDuckDb: [], onlyTrino: [] }

/** Formats with poisons and recorded messages. */
const recordedFormats = [
  ...['stock-json', 'binance-frames', 'lean-trades', 'lean-quotes'],
  ...['bitfinex-klines', 'binance-klines'],
]

await describeWithService(['trino', 'data'], 'the steps in Trino', () => {
  let folder: string
  let lake: Lake
  let server: RestServer
  let trino: TestTrino
  let session: SqlSession
  let engines: StepEngines

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trino-steps-'))
    const ids = { clock: systemClock, ids: randomIds }
    lake = await openLake({ directory: join(folder, 'lake'), ...ids, createIfMissing: true })
    server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
    trino = await sharedTrino({ catalogUri: server.url, session: STEP_SESSION })
    await trino.run(`CREATE SCHEMA ${STEPS_SCHEMA}`)
    session = await openSqlSession()
    await session.run(
      "INSERT INTO instruments VALUES ('NASDAQ', 'AAPL', 'us-apple'), ('binance', 'BTCUSDT', 'b'), " +
        "('binance', 'BTCUSDT', 'a')",
    )
    engines = createStepEngines(session, trino)
    await engines.copy('instruments')
  })
  afterAll(async () => {
    session.close()
    await trino.close()
    await server.close()
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function expectEqual(table: string): Promise<number> {
    const { count, ...rest } = await engines.differences(table)
    expect(rest, table).toEqual(none)
    return count
  }

  /** Runs every step over messages in both engines and compares what each step made. */
  async function runSteps(format: Format, messages: readonly TestMessage[]): Promise<void> {
    await deriveMessages(session, format.name, messages)
    await engines.copy('framed')
    await engines.create('routed', (dialect, name) => format.routeSql(name('framed'), dialect))
    expect(await expectEqual('routed')).toBe(messages.length)
    for (const kind of format.kinds) {
      const decoded = `decoded_${kind}`
      await engines.create(decoded, (dialect, name) =>
        format.decodeSql(kind, name('routed'), dialect),
      )
      await expectEqual(decoded)
      await engines.create(`bronze_${kind}`, (dialect, name) =>
        bronzeSql(kind, { routed: name('routed'), decoded: name(decoded) }, dialect),
      )
      await expectEqual(`bronze_${kind}`)
      const isReceived = String(format.isEventTimeReceived(kind))
      await engines.create(`silver_${kind}`, (dialect, name) => {
        const good = `SELECT *, ${isReceived} AS is_event_time_received FROM ${name(decoded)}`
        const candidates = `(${good} WHERE reason IS NULL)`
        const accepted = `(${good} WHERE reason IS NULL AND source_offset % 50 = 7)`
        return duplicatesSql(
          duplicateRule(builtInModel.tables, kind),
          { candidates, accepted },
          dialect,
        )
      })
      await expectEqual(`silver_${kind}`)
      const accepted = (table: string): string =>
        `(SELECT * FROM ${table} WHERE verdict = 'accepted')`
      const algebra = algebras[kind as keyof typeof algebras]
      await engines.create(`states_${kind}`, (dialect, name) =>
        algebra.partial(accepted(name(`silver_${kind}`)), dialect),
      )
      await expectEqual(`states_${kind}`)
      await engines.create(`merged_${kind}`, (dialect, name) => {
        const states = name(`states_${kind}`)
        const both = `(SELECT * FROM ${states} UNION ALL SELECT * FROM ${states})`
        return algebra.finalize(`(${algebra.merge(both, dialect)})`, dialect)
      })
      await expectEqual(`merged_${kind}`)
    }
    if (!format.kinds.includes('trade')) return
    await engines.create('gaps', (dialect, name) => {
      const runs = numberRunsPartialSql(
        `(SELECT * FROM ${name('decoded_trade')} AS d WHERE reason IS NULL AND source_offset % 7 > 2)`,
        dialect,
      )
      return gapsSql(`(${numberRunsMergeSql(`(${runs} UNION ALL ${runs})`)})`, dialect)
    })
    expect((await expectEqual('gaps')) > 0).toBe(format.idKind('trade') === 'contiguous')
  }

  it.each(recordedFormats.map((name) => [name]))(
    'make the same rows of every poison, odd message and capture of %s as in DuckDB',
    async (name) => {
      const odd = oddTrades.map(([, payload]): TestMessage => ({ payload }))
      const real = {
        'stock-json': [...odd, ...stockMessages()],
        'binance-frames': captureMessages(),
        'lean-trades': leanMessages(),
        'lean-quotes': leanQuoteMessages(),
        'bitfinex-klines': klineMessages('bitfinex-1m/BTCUSD-1m-2019.csv.gz'),
        'binance-klines': klineMessages('binance-klines-1m/ALGOUSDT-1m-2026-02.csv.gz'),
      }[name]
      const poisoned = poisons.filter((poison) => poison.format === name)
      await runSteps(formatNamed(name), [...(real ?? []), ...poisoned])
    },
  )

  it('fill the days of a year of klines, and find its gaps, as DuckDB does', async () => {
    const messages = klineMessages('bitfinex-1m/BTCUSD-1m-2016.csv.gz')
    await runSteps(formatNamed('bitfinex-klines'), messages)
    await engines.create('daily', (dialect, name) => dailyFilledSql(name('merged_kline'), dialect))
    expect(await expectEqual('daily')).toBe(366)
    await engines.create('forecast', (dialect, name) =>
      forecastInputSql(name('merged_kline'), dialect),
    )
    await expectEqual('forecast')
    await engines.create('gaps', (dialect, name) =>
      klineGapsSql(`(SELECT * FROM ${name('silver_kline')} WHERE verdict = 'accepted')`, dialect),
    )
    expect(await expectEqual('gaps')).toBeGreaterThan(300)
  })

  it.each(mappedMessages())('make the same rows of $name as in DuckDB', async (mapped) => {
    const { file, mapping, messages } = mapped
    await runSteps(formatNamed(mappedFormatName(file, mapping)), messages)
  })

  it('judge repeats within the horizon as DuckDB does, whatever the event time is', async () => {
    const tables = { candidates: 'repeats', accepted: 'known_rows' }
    await loadRepeats(session, tables)
    await engines.copy('repeats')
    await engines.copy('known_rows')
    await engines.create('verdicts', (dialect, name) => {
      const input = { candidates: name('repeats'), accepted: name('known_rows') }
      return duplicatesSql(duplicateRule(builtInModel.tables, 'trade'), input, dialect)
    })
    expect(await expectEqual('verdicts')).toBe(1500)
    const verdicts = await session.rows(
      'SELECT venue_symbol, count(DISTINCT verdict) AS n FROM verdicts GROUP BY 1 ORDER BY 1',
    )
    expect(verdicts.map((row) => row['n'])).toEqual(['3', '3', '3'])
  })
})

const bars = { merge: barsMergeSql, finalize: barsFinalizeSql }
const algebras = {
  trade: { ...bars, partial: barsPartialSql },
  kline: { ...bars, partial: klineBarsPartialSql },
  quote: { partial: spreadsPartialSql, merge: spreadsMergeSql, finalize: spreadsFinalizeSql },
}
