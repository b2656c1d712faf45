import { request, type IncomingMessage } from 'node:http'

/** What a server answered, whole. */
export interface ForwardedAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** Sends a request on to `target` with a body that was read already. */
export async function forwardRequest(
  target: URL,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<ForwardedAnswer> {
  const answered = await new Promise<IncomingMessage>((resolve, reject) => {
    const { hostname, port } = target
    const { method, url: path, headers } = incoming
    const outgoing = request({ hostname, port, method, path, headers }, resolve)
    outgoing.once('error', reject)
    outgoing.end(body)
  })
  const { 'transfer-encoding': _, ...headers } = answered.headers
  return { status: answered.statusCode ?? 502, headers, body: await readAll(answered) }
}

/** The body of a request or an answer. */
export async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
