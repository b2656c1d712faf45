import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { unzipSync } from 'fflate'
import { createSimulator } from '../../pipelines/producers/simulator.ts'
import type { MappedFile, Mapping, TimeUnit } from '../../shared-transforms/formats/mapping.ts'
import { RECEIVED_US, type TestMessage } from '../shared-transforms/messages.ts'
import { dataPath } from '../support/data.ts'

/** Every nth message of a list, at most 400: what one statement of Trino holds. */
function sample<T>(list: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(list.length / 400))
  return list.filter((_, index) => index % step === 0)
}

/** A part of each capture of Binance frames; a line is `<receive time, ns> <frame>`. */
export function captureMessages(): TestMessage[] {
  const names = ['btcusdt_20240808', 'btcusdt_20240809', 'ethusdt_20240808', 'ethusdt_20240809']
  return names.flatMap((name) => {
    const path = dataPath(`binance-ws-capture/spot-${name}.jsonl.gz`)
    const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n')
    return sample(lines).map((line): TestMessage => {
      const space = line.indexOf(' ')
      return {
        payload: line.slice(space + 1),
        receivedUs: BigInt(line.slice(0, space)) / 1000n,
      }
    })
  })
}

/** A part of three days of trades, and lines in the hours that New York's clocks skip or repeat. */
export function leanMessages(): TestMessage[] {
  const real = ['ibm_20131007', 'ibm_20131008', 'ibm_20131011'].flatMap((name) => {
    const zip = unzipSync(readFileSync(dataPath(`lean-us-equity/tick/${name}_trade.zip`)))
    const [entry = '', bytes] = Object.entries(zip)[0] ?? []
    const lines = Buffer.from(bytes ?? '')
      .toString('latin1')
      .trim()
      .split(/\r?\n/)
    return sample(lines).map((payload) => leanMessage(payload, entry))
  })
  const days = ['20130309', '20130310', '20131102', '20131103', '20131104', '00000101', '21990101']
  const hours = days.flatMap((day) =>
    Array.from({ length: 49 }, (_, half) =>
      leanMessage(`${half * 1_800_000}.25,1674255.5,7,Q,0,0`, `${day}_spy_Trade_Tick.csv`),
    ),
  )
  return [...real, ...hours]
}

/** A part of two days of quotes, and lines whose sides are empty in every way. */
export function leanQuoteMessages(): TestMessage[] {
  const real = ['ibm_20131007', 'ibm_20131010'].flatMap((name) => {
    const zip = unzipSync(readFileSync(dataPath(`lean-us-equity/tick/${name}_quote.zip`)))
    const [entry = '', bytes] = Object.entries(zip)[0] ?? []
    const lines = Buffer.from(bytes ?? '')
      .toString('latin1')
      .trim()
      .split(/\r?\n/)
    return sample(lines).map((payload) => leanMessage(payload, entry))
  })
  const prices = ['0', '0.0', '00', '', '-0', '1800100', '1800100.5', 'x', '0.00001']
  const odd = prices.flatMap((bid) =>
    prices.map((ask) =>
      leanMessage(`34200000.5,${bid},3,${ask},4,Q,1,0`, '20131104_ibm_Quote_Tick.csv'),
    ),
  )
  return [...real, ...odd]
}

function leanMessage(payload: string, entry: string): TestMessage {
  return { payload, headers: JSON.stringify({ entry }), receivedUs: null }
}

/** A part of a file of klines, its header, and its first and last lines. */
export function klineMessages(file: string): TestMessage[] {
  const lines = gunzipSync(readFileSync(dataPath(file)))
    .toString('latin1')
    .trim()
    .split('\n')
  const entry = file.replace('.gz', '')
  return [...sample(lines), lines[1] ?? '', lines.at(-1) ?? ''].map((payload) =>
    leanMessage(payload, entry),
  )
}

/** Messages of the simulator, the broken and the repeated ones among them. */
export function stockMessages(): TestMessage[] {
  const simulator = createSimulator({ eventsPerSecond: 400, seed: 7 })
  return Array.from({ length: 4 }, (_, second) =>
    simulator.tick(RECEIVED_US + BigInt(second) * 1_000_000n),
  )
    .flat()
    .map(({ payload, receivedUs }) => ({ payload, receivedUs }))
}

interface MappedMessages {
  readonly name: string
  readonly file: MappedFile
  readonly mapping: Mapping
  readonly messages: readonly TestMessage[]
}

const times: readonly (readonly [MappedFile, TimeUnit, readonly string[]])[] = [
  [
    'csv',
    'iso',
    [
      ...['2013-10-07T13:30:00Z', '2013-10-07 13:30:00.5+02:00', '2013-10-07 13:30 -0530', ''],
      ...['20131007 13:30', '2013-12-07', '2013-02-30', '2013-10-07 24:00:00', '2013-03-10 02:30'],
      ...['2013-11-03 01:30:00.1234567', '2013-10-07 13:30 UTC', '0000-01-01', '20131007', 'now'],
    ],
  ],
  ['ndjson', 's', ['1381152600', '1381152600.1234567', '-1', '1e9', '99999999999', '0']],
  ['ndjson', 'ms', ['1381152600123.9', '7', '123456789012345', '1381152600123.']],
  ['csv', 'ns', ['1381152600123456999', '7', '1000', '9999999999999999999', '']],
]

/** Records of any shape: cells with quotes, delimiters and line ends, and times of every unit. */
export function mappedMessages(): MappedMessages[] {
  const cells = [
    'AAPL',
    '"A;B"',
    '"say ""hi"""',
    '"two\nlines"',
    '"open',
    '"a"b',
    "o'hare",
    ' ',
    '',
  ]
  const fields = { venue: { constant: "o'hare" }, venue_symbol: { cell: 1 }, price: { cell: 2 } }
  const csv = { ...{ delimiter: ';', hasHeader: true }, width: 5 }
  const byTime = times.map(([file, unit, texts]): MappedMessages => {
    const zone = unit === 'iso' ? { zone: 'America/New_York' } : {}
    const records = cells.flatMap((cell, index) =>
      texts.map((text) => `${cell};${index}.5;1e${index};${cell};${text}`),
    )
    const asMessage = (payload: string): TestMessage => ({ payload, receivedUs: null })
    const name = `${file}, times of ${unit}`
    if (file === 'csv') {
      return {
        ...{ name, file },
        mapping: {
          ...{ kind: 'trade', csv },
          fields: { ...fields, quantity: { cell: 3 }, conditions: { cell: 4 } },
          time: { places: [{ cell: 5 }], unit, ...zone },
        },
        messages: ['a;b;c;d;e', ...records, 'a;b', ''].map(asMessage),
      }
    }
    const objects = texts.map((text) =>
      JSON.stringify({ 'the symbol': 'A', data: { b: '1.5', 'a:b': null }, at: text }),
    )
    return {
      ...{ name, file },
      mapping: {
        kind: 'quote',
        fields: {
          ...{ venue: { constant: 'x' }, venue_symbol: { path: '$."the symbol"' } },
          ...{ bid_price: { path: '$."data"."b"' }, ask_price: { path: '$."data"."a:b"' } },
        },
        time: { places: [{ path: '$."at"' }], unit, ...zone },
      },
      messages: [...objects, '{"at":1381152600123456789}', '{', '[]'].map(asMessage),
    }
  })
  return [...byTime, mappedKlines()]
}

/** Klines: good ones, of the wrong second, contradicting themselves, and without what must be there. */
function mappedKlines(): MappedMessages {
  const names = ['open', 'high', 'low', 'close', 'volume', 'trade_count']
  const fields = Object.fromEntries(names.map((name, at) => [name, { cell: at + 2 }]))
  const records = [
    '1381152600,2,4,1,3,0.5,7',
    '1381152660,2,4,1,3,0,',
    '1381152630,2,4,1,3,0.5,7',
    '1381152720,2,1,4,3,0.5,7',
    '1381152780,2,4,1,3,,7',
    '1381152840,2,4,1,3,1,7.5',
    ',2,4,1,3,1,7',
  ]
  return {
    ...{ name: 'csv, klines', file: 'csv' },
    mapping: {
      kind: 'kline',
      fields: { venue: { constant: 'x' }, venue_symbol: { constant: 'A' }, ...fields },
      time: { places: [{ cell: 1 }], unit: 's' },
      csv: { delimiter: ',', hasHeader: false },
    },
    messages: records.map((payload): TestMessage => ({ payload, receivedUs: null })),
  }
}
