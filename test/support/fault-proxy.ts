import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { forwardRequest, readAll } from './forward-request.ts'

/**
 * What befalls the next commit that passes by:
 * - `refuse`: the catalog never sees it, the client is answered with the status;
 * - `fail-after`: the catalog does it, the client is answered with the status;
 * - `drop-after`: the catalog does it, the client's connection breaks without an answer.
 */
export type CommitFault =
  | { readonly kind: 'refuse' | 'fail-after'; readonly status: number }
  | { readonly kind: 'drop-after' }

/** A catalog behind a bad network. */
export interface FaultProxy {
  readonly url: string
  /** For the next commit alone. A client in another process says it by POST /fault. */
  arm(fault: CommitFault): void
  /** Faults that have struck so far. */
  struckCount(): number
  close(): Promise<void>
}

/** Passes every request on to a catalog; commits of tables meet the fault that was armed. */
export async function startFaultProxy(targetUrl: string): Promise<FaultProxy> {
  const target = new URL(targetUrl)
  let armed: CommitFault | undefined
  let struckCount = 0

  const serve = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await readAll(incoming)
    if (incoming.url === '/fault') {
      armed = JSON.parse(body.toString('utf8')) as CommitFault
      answer.end()
      return
    }
    const fault = isCommit(incoming) ? armed : undefined
    if (fault !== undefined) {
      armed = undefined
      struckCount += 1
    }
    if (fault?.kind === 'refuse') {
      sendError(answer, fault.status)
      return
    }
    const passed = await forwardRequest(target, incoming, body)
    if (fault?.kind === 'drop-after') {
      incoming.socket.destroy()
      return
    }
    if (fault?.kind === 'fail-after') {
      sendError(answer, fault.status)
      return
    }
    answer.writeHead(passed.status, passed.headers)
    answer.end(passed.body)
  }

  const server = createServer((incoming, answer) => {
    serve(incoming, answer).catch((error: unknown) => {
      answer.destroy(error instanceof Error ? error : undefined)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arm: (fault) => {
      armed = fault
    },
    struckCount: () => struckCount,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function isCommit(incoming: IncomingMessage): boolean {
  const path = (incoming.url ?? '').split('?')[0] ?? ''
  const isTable = /\/namespaces\/[^/]+\/tables\/[^/]+$/.test(path)
  return incoming.method === 'POST' && (isTable || path.endsWith('/transactions/commit'))
}

function sendError(answer: ServerResponse, status: number): void {
  const type = status === 409 ? 'CommitFailedException' : 'ServiceFailureException'
  const error = { message: 'the network is bad', type, code: status, stack: [] }
  answer.writeHead(status, { 'content-type': 'application/json' })
  answer.end(JSON.stringify({ error }))
}
