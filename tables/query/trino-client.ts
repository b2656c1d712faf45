import { BasicAuth, Trino, type QueryResult } from 'trino-client'
import type { RowStruct } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import { trinoFailure, trinoUnreachable } from './trino-error.ts'
import { trinoDecoder, type TrinoDecoder, type TrinoType } from './trino-value.ts'

export interface TrinoClientOptions {
  /** `http://127.0.0.1:8080`. */
  readonly url: string
  readonly user: string
  /** Only over https: Trino refuses it else. */
  readonly password?: string
  /** What an unqualified name means. */
  readonly catalog?: string
  readonly schema?: string
  /** A statement with more rows fails; default a million. Aggregate, or read in parts. */
  readonly maxRows?: number
}

/** A client of one Trino. It holds no connection: there is nothing to close. */
export interface TrinoClient {
  /** All rows of a statement, typed as `RowValue` says. Throws SluiceError. */
  rows<T = RowStruct>(sql: string): Promise<T[]>
  /** Runs a statement; how many rows it changed, undefined where Trino counts none. */
  run(sql: string): Promise<bigint | undefined>
}

const MAX_ROWS = 1_000_000
const REQUEST_MS_MAX = 120_000
/** Trino's protocol: 502, 503 and 504 mean "ask again" in 50 to 100 ms. */
const BUSY_TRIES = 10
const BUSY_WAIT_MS = 100

const headers = {
  // Without it every timestamp is cut to milliseconds.
  'X-Trino-Client-Capabilities': 'PARAMETRIC_DATETIME',
  // Times with a zone that are made in a query are UTC, as those of the tables are.
  'X-Trino-Time-Zone': 'UTC',
}

/**
 * A client over the npm package `trino-client`, which follows the pages of an answer but leaves
 * three things open: integers beyond 2^53 are rounded, a failed statement looks like an empty one,
 * and times are cut.
 */
export function createTrinoClient(options: TrinoClientOptions): TrinoClient {
  const maxRows = options.maxRows ?? MAX_ROWS
  return {
    rows: async <T>(sql: string) => {
      const rows: RowStruct[] = []
      let decoders: readonly NamedDecoder[] | undefined
      await eachPage(options, sql, (page) => {
        decoders ??= decodersOf(page)
        const known = decoders ?? []
        for (const values of (page.data ?? []) as readonly (readonly unknown[])[]) {
          if (rows.length === maxRows) throw tooManyRows(maxRows)
          rows.push(Object.fromEntries(known.map(([name, of], at) => [name, of(values[at])])))
        }
      })
      return rows as T[]
    },
    run: async (sql) => {
      let count: unknown
      await eachPage(options, sql, (page) => {
        count = (page as { readonly updateCount?: unknown }).updateCount ?? count
      })
      return count === undefined ? undefined : BigInt(count as number | bigint)
    },
  }
}

/** Runs one statement and hands out its pages; a failure in any of them is thrown. */
async function eachPage(
  options: TrinoClientOptions,
  sql: string,
  take: (page: QueryResult) => void,
): Promise<void> {
  // One connection object a statement: the package keeps session state in it between statements.
  const trino = connect(options)
  const failed = (error: unknown) => trinoUnreachable(error, options.url, sql)
  // Behind a proxy 502 and 504 may hide a statement that runs: only 503 is safe to send again.
  const pages = await retryBusy([503], () => trino.query(sql), failed)
  for (let pageCount = 0; ; pageCount++) {
    const next = await retryBusy([502, 503, 504], () => pages.next(), failed)
    const { value: page, done } = next as IteratorResult<QueryResult, QueryResult>
    if (page.error !== undefined) throw trinoFailure(page.error, sql)
    // After the last page the package hands that page out again.
    if (done === true && pageCount > 0) return
    try {
      take(page)
    } catch (error) {
      if (page.nextUri !== undefined) await trino.cancel(page.id)
      throw error
    }
    if (done === true) return
  }
}

function connect({ url, user, password, catalog, schema }: TrinoClientOptions): Trino {
  const trino = Trino.create({
    server: url,
    source: 'sluice',
    ...(password === undefined ? {} : { auth: new BasicAuth(user, password) }),
    ...(catalog === undefined ? {} : { catalog }),
    ...(schema === undefined ? {} : { schema }),
    extraHeaders: { 'X-Trino-User': user, ...headers },
  })
  readExactly(trino)
  return trino
}

/**
 * Has answers parsed without rounding. The package has no option for it, but hands the settings
 * of its HTTP client on from this place; its version is pinned, and another shape is refused.
 */
function readExactly(trino: Trino): void {
  const { client } = trino as unknown as {
    readonly client?: { readonly clientConfig?: Record<string, unknown> }
  }
  if (client?.clientConfig === undefined) {
    throw new SluiceError(
      'unsupported',
      'The installed trino-client keeps its settings elsewhere than version 0.2.9, and would ' +
        'round large integers. No statement was sent. Run `npm ci`.',
    )
  }
  client.clientConfig['timeout'] = REQUEST_MS_MAX
  client.clientConfig['transformResponse'] = [
    (body: unknown, _headers: unknown, status: number | undefined) =>
      typeof body === 'string' && body !== '' && status === 200 ? parseJson(body) : body,
  ]
}

type NamedDecoder = readonly [name: string, decode: TrinoDecoder]

function decodersOf(page: QueryResult): NamedDecoder[] | undefined {
  const columns = page.columns as
    readonly { readonly name: string; readonly typeSignature: TrinoType }[] | undefined
  return columns?.map(({ name, typeSignature }) => [name, trinoDecoder(typeSignature)])
}

/** A failed request leaves the package's place in the answer as it was, so it can be made again. */
async function retryBusy<R>(
  busyStatuses: readonly number[],
  request: () => Promise<R>,
  failed: (error: unknown) => SluiceError,
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request()
    } catch (error) {
      if (error instanceof SluiceError) throw error
      const { response } = error as { readonly response?: { readonly status?: number } }
      const isBusy = busyStatuses.includes(response?.status ?? 0)
      if (!isBusy || attempt === BUSY_TRIES) throw failed(error)
    }
    await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS))
  }
}

function tooManyRows(maxRows: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The statement has more than ${maxRows} rows. None was returned. Aggregate in the ` +
      'statement, or read it in parts with OFFSET and LIMIT.',
  )
}
