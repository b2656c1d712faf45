import { WebHdfsFailure } from './webhdfs-failure.ts'
import { networkFailure, readText } from './webhdfs-http.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from './webhdfs-http.ts'
import { parseRemoteException } from './webhdfs-json.ts'

/** An answer below status 400. Throws WebHdfsFailure for the others; `token` is kept out of it. */
export async function sendChecked(
  http: HttpClient,
  request: HttpRequest,
  token: string | undefined,
): Promise<HttpAnswer> {
  const answer = await http.send(request)
  if (answer.status < 400) return answer
  const text = await readText(request, answer)
  throw remoteFailure(request, answer, text, token)
}

/** The bytes of an answer to OPEN. Throws WebHdfsFailure where they break off. */
export async function* bytesOfAnswer(
  request: HttpRequest,
  answer: HttpAnswer,
): AsyncGenerator<Uint8Array> {
  if (answer.status !== 200 && answer.status !== 206) {
    answer.body.resume()
    throw unexpectedAnswer(request, answer, 'no bytes came')
  }
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw networkFailure(request, error)
  }
}

/** The body as JSON; undefined where it is empty. */
export async function jsonOfAnswer(request: HttpRequest, answer: HttpAnswer): Promise<unknown> {
  const text = await readText(request, answer)
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw unexpectedAnswer(request, answer, 'it is no JSON', cause)
  }
}

/** An answer that fits no request of ours. */
export function unexpectedAnswer(
  { server, url }: HttpRequest,
  { status }: HttpAnswer,
  detail: string,
  cause?: unknown,
): WebHdfsFailure {
  return new WebHdfsFailure({
    server,
    host: url.host,
    status,
    reason: 'UnexpectedAnswer',
    detail,
    cause,
  })
}

function remoteFailure(
  { server, url }: HttpRequest,
  { status }: HttpAnswer,
  text: string,
  token: string | undefined,
): WebHdfsFailure {
  const { reason, message } = parseRemoteException(text)
  // The first line: DataNodes send their whole stack behind it.
  const [line = ''] = message.split('\n')
  const detail = token === undefined ? line : line.replaceAll(token, '…')
  return new WebHdfsFailure({ server, host: url.host, status, reason, detail })
}
