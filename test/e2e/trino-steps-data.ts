import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { unzipSync } from 'fflate'
import { createSimulator } from '../../pipelines/producers/simulator.ts'
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

function leanMessage(payload: string, entry: string): TestMessage {
  return { payload, headers: JSON.stringify({ entry }), receivedUs: null }
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
