import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import { configDefaults } from '../../../pipelines/config/config-schema.ts'
import { loadConfig, parseConfig } from '../../../pipelines/config/load-config.ts'
import { repositoryRoot } from '../../support/data.ts'

const SMALLEST = `kafka:
  brokers: [localhost:9092]
sources:
  - { topic: stocks, format: stock-json }
`

function mistakesOf(text: string): string[] {
  try {
    parseConfig(text, '/etc/sluice.yaml')
  } catch (error) {
    expect(error).toMatchObject({ kind: 'invalid-input' })
    return (error as Error).message
      .split('\n')
      .slice(1, -1)
      .map((line) => line.trim())
  }
  throw new Error('no mistake was found')
}

describe('a config', () => {
  it('needs brokers and topics, the rest has defaults', () => {
    expect(parseConfig(SMALLEST, '/etc/sluice.yaml')).toEqual({
      model: builtInModel,
      lakeDirectory: '/etc/lake',
      catalog: {
        host: '127.0.0.1',
        port: 8181,
        allowPlaintext: false,
        requestsPerSecondMax: 2000,
        bodyBytesMax: 33_554_432,
      },
      kafka: { brokers: ['localhost:9092'], clientId: 'sluice', groupId: 'sluice' },
      sources: [{ topic: 'stocks', format: 'stock-json', start: 'earliest' }],
      sinks: [],
      limits: { timeMs: 1000, rows: 200_000, bytes: 67_108_864 },
      isStandby: false,
      rateLimit: undefined,
      metricsPort: undefined,
      allowedLatenessMs: 10_000,
      idleAfterMs: 30_000,
      dedupeMemoryRows: 2_000_000,
      retention: {
        cutCount: 60,
        minuteCount: 60,
        hourCount: 48,
        dayCount: 90,
        snapshotCountMax: 320,
      },
      instruments: [],
      maxQueryDurationMs: 3_600_000,
      mappings: {},
      tableFormatVersion: 2,
      stores: {},
    })
  })

  it('may give a part of a group and keep the defaults of the others', () => {
    const config = parseConfig(
      `${SMALLEST}trigger: { rows: 5 }\nretention: { days: 7 }\n`,
      'x.yaml',
    )
    expect(config.limits).toEqual({ timeMs: 1000, rows: 5, bytes: 67_108_864 })
    expect(config.retention.dayCount).toBe(7)
    expect(config.retention.cutCount).toBe(60)
  })

  it('lets old messages leave bronze by a schedule', () => {
    const given = (text: string) => parseConfig(`${SMALLEST}retention: { ${text} }\n`, 'x.yaml')
    expect(given('bronze_days: 2').bronzeRetention).toEqual({
      ageMs: 172_800_000,
      schedule: '17 3 * * *',
    })
    for (const right of ['* * * * *', '*/5 0-6,22 1,15 * 1-5', '0 0 1 1 7']) {
      const text = `bronze_days: 1, bronze_schedule: '${right}'`
      expect(given(text).bronzeRetention?.schedule).toBe(right)
    }
    for (const wrong of ['', '* * * *', '60 * * * *', '* * 0 * *', '5-1 * * * *', '*/0 * * * *']) {
      expect(() => given(`bronze_schedule: '${wrong}'`)).toThrow(/must be a cron schedule/)
    }
  })

  it('is what the example shows, every key of it', async () => {
    const config = await loadConfig(join(repositoryRoot, 'examples/sluice.yaml'))
    expect(config.lakeDirectory).toBe(join(repositoryRoot, 'examples/lake'))
    expect(config.sources).toHaveLength(2)
    expect(config.instruments).toEqual([
      { venue: 'NASDAQ', venue_symbol: 'AAPL', instrument_id: 'aapl-us' },
    ])
    expect(config.limits).toEqual({
      timeMs: configDefaults.trigger.time_ms,
      rows: configDefaults.trigger.rows,
      bytes: configDefaults.trigger.bytes,
    })
    expect(config.rateLimit).toBe(200_000)
  })

  it('says where tables lie and how their stores are reached', () => {
    const text = `${SMALLEST}warehouse: s3://sluice-lake/lake
warehouses: { bronze: "hdfs://127.0.0.1:8020/sluice" }
s3: { endpoint: "http://127.0.0.1:9000", region: us-east-1, path_style: true }
hdfs: { namenodes: ["http://127.0.0.1:9870"], user: sluice, datanode_hosts: { dn1: 127.0.0.1 } }
file_cache: { folder: ./copies, bytes: 2000000 }
`
    expect(parseConfig(text, '/etc/sluice.yaml').stores).toEqual({
      warehouse: 's3://sluice-lake/lake',
      warehouses: { bronze: 'hdfs://127.0.0.1:8020/sluice' },
      s3: { endpoint: 'http://127.0.0.1:9000', region: 'us-east-1', isPathStyle: true },
      hdfs: {
        nameNodes: ['http://127.0.0.1:9870'],
        user: 'sluice',
        dataNodeHosts: { dn1: '127.0.0.1' },
      },
      fileCache: { folder: '/etc/copies', bytesMax: 2_000_000 },
    })
  })

  it('refuses a warehouse that is no location, and one of a namespace that a lake has not', () => {
    expect(
      mistakesOf(`${SMALLEST}warehouse: ./here\nwarehouses: { golden: "file:///x" }\n`),
    ).toEqual([
      'line 5: warehouse must be a location: file:///…, s3://… or hdfs://…',
      'line 6: warehouses.golden is no known key; did you mean gold?',
    ])
  })

  it('says where rows go beside the tables, folders beside the config', () => {
    const text = `${SMALLEST}sinks:
  - { name: prices, type: kafka, topic: crypto.prices.processed, table: gold.bars, where: is_sealed }
  - { name: files, type: parquet, folder: ./export, table: silver.trades, start: earliest }
  - { name: seen, type: console, table: silver.quotes }
`
    expect(parseConfig(text, '/etc/sluice.yaml').sinks).toEqual([
      {
        ...{ name: 'prices', type: 'kafka', topic: 'crypto.prices.processed' },
        ...{ table: 'gold.bars', where: 'is_sealed', start: 'latest' },
      },
      {
        ...{ name: 'files', type: 'parquet', folder: '/etc/export' },
        ...{ table: 'silver.trades', start: 'earliest' },
      },
      { name: 'seen', type: 'console', table: 'silver.quotes', start: 'latest' },
    ])
  })

  it('refuses a sink of no known table, one without its own keys, and a name twice', () => {
    expect(
      mistakesOf(`${SMALLEST}sinks:
  - { name: a, type: console, table: gold.candles }
  - { name: b, type: kafka, table: gold.bars }
`),
    ).toEqual([
      expect.stringMatching(/^line 6: sinks\[0\]\.table must be one of .*gold\.bars/),
      'line 7: sinks[1].topic is missing (string)',
    ])
    const twice = '{ name: a, type: console, table: gold.bars }'
    expect(mistakesOf(`${SMALLEST}sinks: [${twice}, ${twice}]\n`)).toEqual([
      'line 5: sinks[1].name names "a" a second time',
    ])
  })

  it('names unknown keys with their line and the name that was meant', () => {
    const text = `lakes: ./x
kafka:
  brokers: [localhost:9092]
  clientId: me
sources:
  - { topic: stocks, formt: stock-json, format: stock-json }
trigger:
  time_ms: 100
  colour: red
`
    expect(mistakesOf(text)).toEqual([
      'line 4: kafka.clientId is no known key; did you mean client_id?',
      'line 6: sources[0].formt is no known key; did you mean format?',
      'line 9: trigger.colour is no known key',
      'line 1: lakes is no known key; did you mean lake?',
    ])
  })

  it('reaches brokers by TLS and as a user, files beside the config', () => {
    const kafkaOf = (lines: string) =>
      parseConfig(SMALLEST.replace('sources:', `${lines}sources:`), '/etc/sluice.yaml').kafka
    expect(kafkaOf('  tls: true\n').tls).toEqual({})
    expect(kafkaOf('  tls: false\n').tls).toBeUndefined()
    const files =
      '{ ca_file: ca.pem, cert_file: /x/c.pem, key_file: c.key, server_name: b.example }'
    const user = '{ mechanism: scram-sha-512, username: u }'
    expect(kafkaOf(`  tls: ${files}\n  sasl: ${user}\n`)).toMatchObject({
      tls: {
        caPath: '/etc/ca.pem',
        certPath: '/x/c.pem',
        keyPath: '/etc/c.key',
        serverName: 'b.example',
      },
      sasl: { mechanism: 'scram-sha-512', username: 'u' },
    })
    const wrong =
      '  tls: { cafile: x }\n  sasl: { mechanism: kerberos, username: u, password: p }\n'
    expect(mistakesOf(SMALLEST.replace('sources:', `${wrong}sources:`))).toEqual([
      'line 3: kafka.tls.cafile is no known key; did you mean ca_file?',
      'line 4: kafka.sasl.mechanism must be one of plain, scram-sha-256, scram-sha-512',
      'line 4: kafka.sasl.password is no known key',
    ])
    expect(mistakesOf(SMALLEST.replace('sources:', '  tls: { cert_file: c }\nsources:'))).toEqual([
      'line 3: kafka.tls needs cert_file and key_file together',
    ])
  })

  it('begins a topic at an end, at a time with its zone, or at offsets', () => {
    const startOf = (start: string) =>
      parseConfig(
        `${SMALLEST}    start: ${start}\n`.replace(
          '  - { topic: stocks, format: stock-json }',
          '  - topic: stocks\n    format: stock-json',
        ),
        'x.yaml',
      ).sources[0]?.start
    expect(startOf('latest')).toBe('latest')
    expect(startOf('2026-11-20T09:30:00Z')).toEqual({ timeMs: 1_795_167_000_000 })
    expect(startOf('2026-11-20T10:30:00.000+01:00')).toEqual({ timeMs: 1_795_167_000_000 })
    expect(startOf('{ 0: 12, 3: "9007199254740993" }')).toEqual({
      offsets: new Map([
        [0, 12n],
        [3, 9007199254740993n],
      ]),
    })
    for (const wrong of ['2026-11-20', '2026-13-40T00:00:00Z', '{}', '{ 0: -1 }', '[5]', '7']) {
      expect(() => startOf(wrong), wrong).toThrow(/start must be earliest, latest, a time/)
    }
  })

  it('names wrong values with their line, all of them at once', () => {
    const text = `kafka:
  brokers: [localhost]
sources:
  - topic: stocks
    format: csv
  - topic: "bad name"
    format: stock-json
    start: middle
allowed_lateness_ms: -1
trigger: { rows: many }
`
    expect(mistakesOf(text)).toEqual([
      'line 2: kafka.brokers[0] must be host:port',
      expect.stringMatching(/^line 5: sources\[0\]\.format must be one of stock-json, /),
      expect.stringMatching(/^line 6: sources\[1\]\.topic must be a topic name/),
      expect.stringMatching(
        /^line 8: sources\[1\]\.start must be earliest, latest, a time with its/,
      ),
      expect.stringMatching(/^line 10: trigger\.rows .*number/),
      expect.stringMatching(/^line 9: allowed_lateness_ms .*0/),
    ])
  })

  it('names what is missing, also in an empty file', () => {
    expect(mistakesOf('')).toEqual([
      'line 1: kafka is missing (object)',
      'line 1: sources is missing (array)',
    ])
    expect(mistakesOf('kafka:\n  group_id: g\nsources: []\n')).toEqual([
      'line 1: kafka.brokers is missing (array)',
      'line 3: sources needs at least one topic',
    ])
  })

  it('refuses a topic twice and a retention beyond its own maximum', () => {
    const text = `${SMALLEST}  - { topic: stocks, format: stock-json }\nretention: { cuts: 300 }\n`
    expect(mistakesOf(text)).toEqual([
      'line 5: sources[1].topic names "stocks" a second time',
      expect.stringMatching(/^line 6: retention keeps up to 498 snapshots, more than/),
    ])
  })

  it('names the line of broken YAML and of a key that is given twice', () => {
    expect(mistakesOf('kafka:\n  brokers: [a:1\n')[0]).toMatch(/^line [23]: /)
    expect(mistakesOf('lake: a\nlake: b\n')[0]).toMatch(/^line 2: .*unique/)
  })

  it('says which file cannot be read, and takes the lake from beside the file', async () => {
    await expect(loadConfig('/nowhere/sluice.yaml')).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringContaining('/nowhere/sluice.yaml cannot be read') as string,
    })
    const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
    writeFileSync(join(folder, 'sluice.yaml'), `lake: data/lake\n${SMALLEST}`)
    expect((await loadConfig(join(folder, 'sluice.yaml'))).lakeDirectory).toBe(
      join(folder, 'data/lake'),
    )
    rmSync(folder, { recursive: true })
  })
})
