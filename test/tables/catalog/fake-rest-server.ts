import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { openRestCatalog, type RestCatalogOptions } from '../../../tables/catalog/rest-catalog.ts'
import { systemClock } from '../../../tables/clock.ts'
import { serializeTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import { sampleTable } from '../commit/sample-table.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What the server answers: it may cut the connection after the request was read, or say nothing. */
export interface FakeAnswer {
  readonly status: number
  readonly body?: string | object
  readonly headers?: Readonly<Record<string, string>>
  readonly drop?: boolean
  readonly hang?: boolean
}

export interface FakeServer {
  readonly uri: string
  readonly seen: SeenRequest[]
  /** The requests to one path, without their query. */
  to(path: string): SeenRequest[]
  close(): Promise<void>
}

/** A web server whose answers are made by a function of the request. */
export async function startFakeServer(
  answer: (request: SeenRequest) => FakeAnswer,
): Promise<FakeServer> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    void readRequest(request).then((read) => {
      seen.push(read)
      send(response, answer(read))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    uri: `http://127.0.0.1:${port}`,
    seen,
    to: (path) => seen.filter(({ url }) => url.split('?')[0] === path),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readRequest(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  const { method = '', url = '', headers } = request
  return { method, url, headers, body: Buffer.concat(chunks).toString('utf8') }
}

function send(response: ServerResponse, answer: FakeAnswer): void {
  const { status, body, headers, drop, hang } = answer
  if (hang === true) return
  if (drop === true) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body))
}

/** A catalog's own words of failure. */
export function errorBody(code: number, type: string, message: string): FakeAnswer {
  return { status: code, body: { error: { message, type, code, stack: [] } } }
}

/** A table as a catalog answers it. */
export const tableReply: FakeAnswer = {
  status: 200,
  body:
    '{"metadata-location":"memory://lake/market/trades/metadata/1.metadata.json",' +
    `"metadata":${serializeTableMetadata(sampleTable())},"config":{"s3.secret-access-key":"x"}}`,
}

export const emptyConfig: FakeAnswer = { status: 200, body: { defaults: {}, overrides: {} } }

export interface FakeCatalog {
  readonly catalog: Catalog
  readonly server: FakeServer
  /** How long the client waited between its tries, ms. */
  readonly waits: readonly number[]
}

/** A client over a server that answers `/v1/config` by itself. */
export async function openOverFake(
  answer: (request: SeenRequest, index: number) => FakeAnswer,
  options: Partial<RestCatalogOptions> & { readonly config?: FakeAnswer } = {},
): Promise<FakeCatalog> {
  const { config = emptyConfig, ...rest } = options
  const waits: number[] = []
  let index = 0
  const server = await startFakeServer((request) => {
    if (request.url.startsWith('/v1/config')) return config
    index += 1
    return answer(request, index)
  })
  const catalog = await openRestCatalog({
    uri: server.uri,
    clock: systemClock,
    sleep: async (waitMs) => {
      waits.push(waitMs)
    },
    ...rest,
  })
  return { catalog, server, waits }
}
