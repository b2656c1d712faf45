/** One framed line as the reference reads it. */
export interface ParsedFrame {
  readonly partIndex: number
  readonly offset: bigint
  readonly receivedUs: bigint | undefined
  readonly key: string | undefined
  readonly headers: string | undefined
  readonly payload: string
}

/** The slow, readable reader of framed lines: the arbiter of the fast writer. */
export function parseFrames(bytes: Uint8Array): ParsedFrame[] {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  return text.slice(0, -1).split('\n').map(parseFrame)
}

function parseFrame(line: string): ParsedFrame {
  const prefix = line.slice(0, 49)
  if (!/^\d{49}$/.test(prefix)) throw new Error(`no frame prefix: ${prefix}`)
  const received = BigInt(prefix.slice(23, 39))
  const keyLength = Number(prefix.slice(39, 43))
  const headersLength = Number(prefix.slice(43, 49))
  const hasKey = keyLength !== 9999
  const headersStart = 49 + (hasKey ? keyLength : 0)
  const payloadStart = headersStart + headersLength
  return {
    partIndex: Number(prefix.slice(0, 4)),
    offset: BigInt(prefix.slice(4, 23)),
    receivedUs: received === 0n ? undefined : received,
    key: hasKey ? line.slice(49, headersStart) : undefined,
    headers: headersLength === 0 ? undefined : line.slice(headersStart, payloadStart),
    payload: line.slice(payloadStart),
  }
}
