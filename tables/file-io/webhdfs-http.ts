import * as http from 'node:http'
import * as https from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { WebHdfsFailure, type WebHdfsServer } from './webhdfs-failure.ts'

/** What is sent: bytes, or a stream of a known length. */
export type HttpBody = Uint8Array | { readonly open: () => Readable; readonly sizeBytes: number }

export interface HttpRequest {
  readonly server: WebHdfsServer
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly body?: HttpBody | undefined
}

/** An answer whose body was not yet read. It must be read or destroyed. */
export interface HttpAnswer {
  readonly status: number
  readonly location: string | undefined
  readonly isJson: boolean
  readonly body: http.IncomingMessage
}

export interface HttpClient {
  /** Follows nothing. Throws WebHdfsFailure where no answer comes. */
  send(request: HttpRequest): Promise<HttpAnswer>
  close(): void
}

/** No answer of ours is longer: a page of a listing, or an error with its stack. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024

/**
 * HTTP as WebHDFS speaks it. By node:http and not by fetch: a DataNode says `100 Continue` to each
 * PUT without being asked, which fetch takes for a broken answer.
 * @param timeoutMs a connection on which nothing moves for so long is given up
 */
export function createHttpClient(timeoutMs: number): HttpClient {
  const settings = { keepAlive: true, timeout: timeoutMs }
  const plain = new http.Agent(settings)
  const secure = new https.Agent(settings)

  return {
    send: async (request) => {
      const isSecure = request.url.protocol === 'https:'
      const options = { method: request.method, headers: headersOf(request), timeout: timeoutMs }
      const sent = isSecure
        ? https.request(request.url, { ...options, agent: secure })
        : http.request(request.url, { ...options, agent: plain })
      sent.once('timeout', () => sent.destroy(new Error(`nothing came for ${timeoutMs} ms`)))
      try {
        const answer = await answerTo(sent, request.body)
        const { statusCode = 0, headers } = answer
        const isJson = headers['content-type']?.startsWith('application/json') === true
        return { status: statusCode, location: headers.location, isJson, body: answer }
      } catch (error) {
        throw networkFailure(request, error)
      }
    },
    close: () => {
      plain.destroy()
      secure.destroy()
    },
  }
}

/** The whole body as text. Throws WebHdfsFailure where it breaks off. */
export async function readText(request: HttpRequest, answer: HttpAnswer): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      sizeBytes += chunk.length
      if (sizeBytes > TEXT_BYTES_MAX) throw new Error(`more than ${TEXT_BYTES_MAX} bytes came`)
    }
  } catch (error) {
    throw networkFailure(request, error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What stands for a connection that failed. The address is left out: it may hold a token. */
export function networkFailure(request: HttpRequest, error: unknown): WebHdfsFailure {
  if (error instanceof WebHdfsFailure) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'NoAnswer'
  const detail = error instanceof Error ? error.message : String(error)
  const { server, url } = request
  return new WebHdfsFailure({ server, host: url.host, reason: code, detail, cause: error })
}

function headersOf({ method, body }: HttpRequest): http.OutgoingHttpHeaders {
  // A PUT without a body still says so: some gateways wait for one otherwise.
  if (body === undefined) return method === 'PUT' ? { 'content-length': 0 } : {}
  const sizeBytes = body instanceof Uint8Array ? body.length : body.sizeBytes
  return { 'content-length': sizeBytes, 'content-type': 'application/octet-stream' }
}

async function answerTo(
  sent: http.ClientRequest,
  body: HttpBody | undefined,
): Promise<http.IncomingMessage> {
  let hasAnswer = false
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    sent.once('response', (answer) => {
      hasAnswer = true
      resolve(answer)
    })
    sent.on('error', reject)
  })
  if (body === undefined || body instanceof Uint8Array) {
    sent.end(body)
    return answered
  }
  // A server that refuses answers before it has read all: its answer counts, not the broken pipe.
  const sending = pipeline(body.open(), sent)
  sending.catch((error: unknown) => {
    if (!hasAnswer) sent.destroy(error instanceof Error ? error : undefined)
  })
  return answered
}
