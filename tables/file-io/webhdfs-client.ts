import { checkDataNodeHosts, dataNodeUrl, parseNameNodeUrl, webHdfsUrl } from './webhdfs-address.ts'
import type { WebHdfsParameters } from './webhdfs-address.ts'
import { isOtherNameNodeBetter, WebHdfsFailure } from './webhdfs-failure.ts'
import { bytesOfAnswer, jsonOfAnswer, sendChecked, unexpectedAnswer } from './webhdfs-exchange.ts'
import { createHttpClient, readText } from './webhdfs-http.ts'
import type { HttpAnswer, HttpBody, HttpClient, HttpRequest } from './webhdfs-http.ts'
import { parseLocation } from './webhdfs-json.ts'

export interface WebHdfsOptions {
  /** `http://host:9870` of each NameNode; with high availability all of them, in any order. */
  readonly nameNodes: readonly string[]
  /** Whom HDFS takes the files to belong to, where it believes what it is told. */
  readonly user?: string | undefined
  /** Takes the place of `user` in a cluster that asks for proof. */
  readonly delegationToken?: string | undefined
  /** Hosts of DataNodes as they name themselves (`name` or `name:port`) to reachable ones. */
  readonly dataNodeHosts?: Readonly<Record<string, string>> | undefined
  /** Asks for addresses of DataNodes in bodies, not as redirects. True where it is left out. */
  readonly noRedirect?: boolean | undefined
  /** A connection on which nothing moves for so long is given up. */
  readonly timeoutMs?: number | undefined
}

/** DataNodes that failed during one operation; the next try leaves them out. */
export type AvoidedDataNodes = Set<string>

/** WebHDFS, one try a call. Throws WebHdfsFailure; a later try may go to another NameNode. */
export interface WebHdfsClient {
  /** What a NameNode alone does; its JSON, or undefined where it says nothing. */
  ask(
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    parameters: WebHdfsParameters,
  ): Promise<unknown>
  /** The bytes of a file; throws while it is read where they break off. */
  open(
    path: string,
    parameters: WebHdfsParameters,
    avoided: AvoidedDataNodes,
  ): Promise<AsyncIterable<Uint8Array>>
  /** Makes a new file and returns once it is closed. A file that is there is not touched. */
  create(path: string, body: HttpBody, avoided: AvoidedDataNodes): Promise<void>
  close(): void
}

const TIMEOUT_MS = 30_000

/** @throws SluiceError `invalid-input` for addresses that are none. */
export function createWebHdfsClient(options: WebHdfsOptions): WebHdfsClient {
  const hosts = options.dataNodeHosts ?? {}
  checkDataNodeHosts(hosts)
  const http = createHttpClient(options.timeoutMs ?? TIMEOUT_MS)
  const nameNodes = createNameNodes(options, http)

  /** The last step of OPEN and CREATE. */
  async function sendToDataNode(
    asked: Exchange,
    to: string,
    body: HttpBody | undefined,
    avoided: AvoidedDataNodes,
  ): Promise<Exchange> {
    const url = dataNodeUrl(to, asked.request.url, hosts)
    if (url === undefined) {
      throw unexpectedAnswer(asked.request, asked.answer, 'it names no DataNode')
    }
    const { method } = asked.request
    const request: HttpRequest = { server: 'datanode', method, url, body }
    try {
      return { request, answer: await sendChecked(http, request, options.delegationToken) }
    } catch (error) {
      const isSilent = error instanceof WebHdfsFailure && error.status === undefined
      if (isSilent) avoided.add(new URL(to, asked.request.url).hostname)
      throw error
    }
  }

  return {
    ask: (method, path, parameters) => nameNodes.send(method, path, parameters, jsonOfAnswer),
    open: async (path, parameters, avoided) => {
      const found = await nameNodes.findDataNode(
        'GET',
        path,
        { op: 'OPEN', ...parameters },
        avoided,
      )
      // A gateway sends the bytes itself.
      if (found.to === undefined) return bytesOfAnswer(found.request, found.answer)
      const sent = await sendToDataNode(found, found.to, undefined, avoided)
      return bytesOfAnswer(sent.request, sent.answer)
    },
    create: async (path, body, avoided) => {
      const parameters = { op: 'CREATE', overwrite: false }
      const found = await nameNodes.findDataNode('PUT', path, parameters, avoided)
      if (found.to === undefined) found.answer.body.resume()
      const to = found.to ?? gatewayUrl(found.request)
      const { request, answer } = await sendToDataNode(found, to, body, avoided)
      await readText(request, answer)
      if (answer.status === 200 || answer.status === 201) return
      throw unexpectedAnswer(request, answer, 'the file was not taken')
    },
    close: () => http.close(),
  }
}

interface Exchange {
  readonly request: HttpRequest
  readonly answer: HttpAnswer
}

interface NameNodes {
  /** Asks the NameNode that last served; one that cannot is passed over from then on. */
  send<T>(
    method: HttpRequest['method'],
    path: string,
    parameters: WebHdfsParameters,
    use: (request: HttpRequest, answer: HttpAnswer) => Promise<T>,
  ): Promise<T>
  /** Where a NameNode sends its client on to; without `to` its answer has the bytes. */
  findDataNode(
    method: HttpRequest['method'],
    path: string,
    parameters: WebHdfsParameters,
    avoided: AvoidedDataNodes,
  ): Promise<Exchange & { readonly to?: string }>
}

function createNameNodes(options: WebHdfsOptions, http: HttpClient): NameNodes {
  const { delegationToken } = options
  const bases = options.nameNodes.map(parseNameNodeUrl)
  const identity =
    delegationToken === undefined ? { 'user.name': options.user } : { delegation: delegationToken }
  let active = 0

  const send: NameNodes['send'] = async (method, path, parameters, use) => {
    const asked = active
    const base = bases[asked % bases.length] ?? parseNameNodeUrl('')
    const url = webHdfsUrl(base, path, { ...parameters, ...identity })
    const request: HttpRequest = { server: 'namenode', method, url }
    try {
      return await use(request, await sendChecked(http, request, delegationToken))
    } catch (error) {
      // Several calls may fail at once: only the first one moves on.
      if (isOtherNameNodeBetter(error) && active === asked) active = asked + 1
      throw error
    }
  }

  const use = async (request: HttpRequest, answer: HttpAnswer) => {
    if (!answer.isJson && answer.location === undefined) return { request, answer }
    const text = await readText(request, answer)
    const to = answer.location ?? parseLocation(text)
    return to === undefined ? { request, answer } : { request, answer, to }
  }

  return {
    send,
    findDataNode: async (method, path, parameters, avoided) => {
      const noredirect = options.noRedirect === false ? undefined : true
      const find = (excludedatanodes?: string) =>
        send(method, path, { ...parameters, noredirect, excludedatanodes }, use)
      if (avoided.size === 0) return find()
      try {
        return await find([...avoided].join(','))
      } catch (error) {
        const isAnswer = error instanceof WebHdfsFailure && error.status !== undefined
        if (!isAnswer) throw error
        // Perhaps all that are left are avoided ones: they get another chance, at once. What is
        // said in the end is then how such a DataNode failed, not that none was left.
        avoided.clear()
        return find()
      }
    },
  }
}

/** A gateway that sends nobody on takes the bytes itself; some have made the empty file by then. */
function gatewayUrl({ url }: HttpRequest): string {
  const same = new URL(url)
  same.searchParams.set('overwrite', 'true')
  same.searchParams.set('data', 'true')
  return same.href
}
