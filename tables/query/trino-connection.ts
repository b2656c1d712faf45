import { rootCertificates } from 'node:tls'
import { BasicAuth, Trino } from 'trino-client'
import { SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'

/** Where a Trino is and as whom it is asked. */
export interface TrinoAddress {
  /** `http://127.0.0.1:8080`, without a user or a password in it. */
  readonly url: string
  readonly user: string
  /** Sent by basic auth, over https alone; over http only to this machine itself. */
  readonly password?: string
  /** PEM of authorities to be trusted beside the well-known ones. */
  readonly authorities?: string
  /** What an unqualified name means. */
  readonly catalog?: string
  readonly schema?: string
  /** Session properties of every statement, as `enable_dynamic_filtering=false`. */
  readonly session?: string
}

/** What a page of an answer says of how far the statement is. */
export interface TrinoProgress {
  /** Of the statement, as Trino's own pages and logs name it. */
  readonly queryId: string
  /** QUEUED, PLANNING, RUNNING, FINISHED and so on. */
  readonly state: string
  /** From 0 to 100; undefined before it is known. */
  readonly percent: number | undefined
  readonly rowCount: number
}

/** One page as the server sends it; integers beyond 2^53 are bigint. */
export interface TrinoPage {
  readonly id: string
  readonly nextUri?: string
  readonly columns?: readonly unknown[]
  readonly stats?: {
    readonly state?: string
    readonly progressPercentage?: number
    readonly processedRows?: number | bigint
  }
}

/** A statement's own connection: the package keeps session state in it. */
export interface TrinoConnection {
  readonly trino: Trino
  /** The newest page that came, also one without rows, which the package passes over. */
  lastPage(): TrinoPage | undefined
  /** From now on a request ends when the signal aborts. */
  endRequestsBy(signal: AbortSignal): void
  /** Tells the server that nobody wants the rest. Throws what its request throws. */
  cancel(): Promise<void>
}

const REQUEST_MS_MAX = 120_000

const headers = {
  // Without it every timestamp is cut to milliseconds.
  'X-Trino-Client-Capabilities': 'PARAMETRIC_DATETIME',
  // Times with a zone that are made in a query are UTC, as those of the tables are.
  'X-Trino-Time-Zone': 'UTC',
}

/** Whatever the package's HTTP client does not show: its settings and its bare requests. */
interface HttpClient {
  readonly clientConfig?: Record<string, unknown>
  request(config: { readonly url: string; readonly method: string }): Promise<unknown>
}

/**
 * @param onPage is told of each page as it comes.
 * @throws SluiceError `invalid-input` for an address to which the password must not go.
 */
export function openTrinoConnection(
  address: TrinoAddress,
  onPage: (page: TrinoPage) => void = () => undefined,
): TrinoConnection {
  checkTrinoAddress(address)
  const { user, password, authorities } = address
  const trino = Trino.create({
    server: address.url,
    source: 'sluice',
    ...(password === undefined ? {} : { auth: new BasicAuth(user, password) }),
    // The package takes the type of the PEM texts too narrow: Node takes a list.
    ...(authorities === undefined ? {} : { ssl: { ca: [...rootCertificates, authorities] } }),
    ...(address.catalog === undefined ? {} : { catalog: address.catalog }),
    ...(address.schema === undefined ? {} : { schema: address.schema }),
    extraHeaders: {
      'X-Trino-User': user,
      ...headers,
      ...(address.session === undefined ? {} : { 'X-Trino-Session': address.session }),
    },
  })
  let last: TrinoPage | undefined
  const client = watchPages(trino, (page) => {
    if (page.nextUri !== undefined) checkNext(address, page.nextUri)
    last = page
    onPage(page)
  })
  return {
    trino,
    lastPage: () => last,
    endRequestsBy: (signal) => {
      settingsOf(client)['signal'] = signal
    },
    cancel: async () => {
      if (last?.nextUri === undefined) return
      delete settingsOf(client)['signal']
      await client.request({ url: last.nextUri, method: 'DELETE' })
    },
  }
}

/** Throws `invalid-input` where the password would go over the network in the clear. */
export function checkTrinoAddress({ url, password }: TrinoAddress): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new SluiceError(
      'invalid-input',
      `"${withoutAccount(url)}" is no address of a Trino. Nothing was sent. Write it as ` +
        'http://127.0.0.1:8080.',
    )
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new SluiceError(
      'invalid-input',
      `The address of Trino ${parsed.origin} holds a user or a password. Nothing was sent. ` +
        'Give them apart from it: a password in an address ends up in logs.',
    )
  }
  if (password === undefined || isSafeForPasswords(parsed)) return
  throw new SluiceError(
    'invalid-input',
    `A password would go to ${parsed.origin} in the clear. Nothing was sent. Use an https:// ` +
      'address, or leave the password out.',
  )
}

function withoutAccount(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//')
}

/** A proxy that hides TLS from Trino makes it answer with addresses of plain http. */
function checkNext({ password }: TrinoAddress, nextUri: string): void {
  if (password === undefined || isSafeForPasswords(new URL(nextUri))) return
  throw new SluiceError(
    'invalid-input',
    `Trino names ${new URL(nextUri).origin} as the place of its answer, where the password would ` +
      'go in the clear. It was not sent there, and no row was read. Set ' +
      'http-server.process-forwarded=true in Trino, and let its proxy send X-Forwarded-Proto.',
  )
}

function isSafeForPasswords({ protocol, hostname }: URL): boolean {
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return protocol === 'https:' || isLoopback
}

/**
 * Has answers parsed without rounding. The package has no option for it, but hands the settings
 * of its HTTP client on from this place; its version is pinned, and another shape is refused.
 */
function watchPages(trino: Trino, onPage: (page: TrinoPage) => void): HttpClient {
  const { client } = trino as unknown as { readonly client?: HttpClient }
  if (client?.clientConfig === undefined) {
    throw new SluiceError(
      'unsupported',
      'The installed trino-client keeps its settings elsewhere than version 0.2.9, and would ' +
        'round large integers. No statement was sent. Run `npm ci`.',
    )
  }
  const settings = settingsOf(client)
  settings['timeout'] = REQUEST_MS_MAX
  // Trino sends nobody elsewhere; another server might, and would get the password.
  settings['maxRedirects'] = 0
  settings['transformResponse'] = [
    (body: unknown, _headers: unknown, status: number | undefined) => {
      if (typeof body !== 'string' || body === '' || status !== 200) return body
      const page = parseJson(body) as TrinoPage
      onPage(page)
      return page
    },
  ]
  return client
}

function settingsOf(client: HttpClient): Record<string, unknown> {
  return client.clientConfig ?? {}
}

/** How far a statement is, in a page's words. */
export function progressOf({ id, stats }: TrinoPage): TrinoProgress {
  return {
    queryId: id,
    state: stats?.state ?? 'RUNNING',
    percent: stats?.progressPercentage,
    rowCount: Number(stats?.processedRows ?? 0),
  }
}
