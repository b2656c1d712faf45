import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { forwardRequest, readAll, type ForwardedAnswer } from './forward-request.ts'

/**
 * What befalls a request:
 * - `answer`: the server never sees it, the client gets this status;
 * - `reset`: the server never sees it, the connection breaks;
 * - `drop-after`: the server does it, the connection breaks without an answer;
 * - `twice`: the server does it twice, as a proxy may have it; the second answer comes;
 * - `stall`: nobody does anything with it, and nothing is answered;
 * - `truncate`: half of the answer's body comes, then the connection breaks;
 * - `stall-body`: half of the answer's body comes, then nothing more;
 * - `cut-quietly`: half of the body comes, as if it were all;
 */
export interface HttpFault {
  readonly how:
    | 'answer'
    | 'reset'
    | 'drop-after'
    | 'twice'
    | 'stall'
    | 'truncate'
    | 'stall-body'
    | 'cut-quietly'
    | 'none'
  /** For `answer`. */
  readonly status?: number
  /** For `answer`. */
  readonly body?: string
  readonly method?: string
  /** Path and query as they are sent. */
  readonly url?: RegExp
  /** How many requests it strikes; all of them where it is left out. */
  readonly times?: number
  /** Asked of each request that fits; where it says no, the request is not struck. */
  readonly isStruck?: () => boolean
  /** Done before the fault takes its way: another client's turn. */
  readonly before?: () => Promise<void>
}

/** A server behind a bad network. */
export interface HttpFaultProxy {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  /** These faults, and no others any more. The first that fits a request strikes. */
  arm(...faults: readonly HttpFault[]): void
  /** `METHOD /path?query` of every request since the last `arm`. */
  readonly seen: readonly string[]
  close(): Promise<void>
}

interface Armed {
  readonly fault: HttpFault
  struckCount: number
}

/** Passes requests on to a server, but for those that a fault strikes. */
export async function startHttpFaultProxy(targetUrl: string): Promise<HttpFaultProxy> {
  const target = new URL(targetUrl)
  let armed: Armed[] = []
  const seen: string[] = []

  const server = createServer((incoming, answer) => {
    seen.push(`${incoming.method} ${incoming.url}`)
    const found = armed.find((each) => fits(each, incoming))
    if (found !== undefined) found.struckCount += 1
    serve(target, incoming, answer, found?.fault).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    arm: (...faults) => {
      armed = faults.map((fault) => ({ fault, struckCount: 0 }))
      seen.length = 0
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function fits({ fault, struckCount }: Armed, { method, url = '' }: IncomingMessage): boolean {
  if (fault.times !== undefined && struckCount >= fault.times) return false
  if (fault.method !== undefined && fault.method !== method) return false
  if (fault.url?.test(url) === false) return false
  return fault.isStruck?.() ?? true
}

async function serve(
  target: URL,
  incoming: IncomingMessage,
  answer: ServerResponse,
  fault: HttpFault | undefined,
): Promise<void> {
  const sent = await readAll(incoming)
  await fault?.before?.()
  switch (fault?.how) {
    case 'reset':
      incoming.socket.resetAndDestroy()
      return
    case 'stall':
      return
    case 'answer':
      answer.writeHead(fault.status ?? 503, { 'content-type': 'application/xml' })
      answer.end(fault.body ?? '')
      return
    default: {
      if (fault?.how === 'twice') await forwardRequest(target, incoming, sent)
      const { headers, status, body } = await forwardRequest(target, incoming, sent)
      if (fault?.how === 'drop-after') incoming.socket.resetAndDestroy()
      else await reply(answer, { headers, status, body }, fault?.how)
    }
  }
}

async function reply(
  answer: ServerResponse,
  { status, headers, body }: ForwardedAnswer,
  how: HttpFault['how'] | undefined,
): Promise<void> {
  const half = body.subarray(0, Math.floor(body.length / 2))
  if (how === 'cut-quietly') {
    const { 'content-length': _, ...others } = headers
    answer.writeHead(status, others)
    answer.end(half)
    return
  }
  answer.writeHead(status, headers)
  if (how === 'truncate' || how === 'stall-body') {
    await new Promise((resolve) => answer.write(half, resolve))
    if (how === 'truncate') answer.socket?.destroy()
    return
  }
  answer.end(body)
}
