import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createTrinoClient, type TrinoClient } from '../../../tables/query/trino-client.ts'

/** An answer of the fake server: a status and the text of the body, as Trino would send it. */
type Answer = readonly [status: number, body: string]

interface FakeTrino {
  readonly client: TrinoClient
  readonly requests: { readonly method: string; readonly headers: IncomingMessage['headers'] }[]
}

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve))
  }
})

/** Answers one request after the other; `NEXT` in a body is this server's next address. */
async function fakeTrino(answers: readonly Answer[], maxRows?: number): Promise<FakeTrino> {
  const requests: FakeTrino['requests'] = []
  const server = createServer((request, response) => {
    const [status, body] = answers[requests.length] ?? [500, 'too many requests for this test']
    requests.push({ method: request.method ?? '', headers: request.headers })
    request.resume()
    const { port } = server.address() as AddressInfo
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(body.replaceAll('NEXT', `http://127.0.0.1:${port}/v1/statement/next`))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const limit = maxRows === undefined ? {} : { maxRows }
  return { client: createTrinoClient({ url, user: 'somebody', ...limit }), requests }
}

const queued: Answer = [200, '{"id":"q1","nextUri":"NEXT"}']
const finished: Answer = [200, '{"id":"q1","updateCount":3}']

const column = (name: string, rawType: string, args = '[]') =>
  `{"name":"${name}","type":"x","typeSignature":{"rawType":"${rawType}","arguments":${args}}}`
const typeArgument = (rawType: string) =>
  `{"kind":"TYPE","value":{"rawType":"${rawType}","arguments":[]}}`
const page = (columns: readonly string[], data: string, more = ''): Answer => [
  200,
  `{"id":"q1",${more}"columns":[${columns.join(',')}],"data":${data}}`,
]

describe('the Trino client', () => {
  it('keeps integers beyond 2^53 and all six digits of a second', async () => {
    const columns = [column('id', 'bigint'), column('at', 'timestamp with time zone')]
    const data = '[[9007199254740993,"2026-11-20 14:30:00.000001 UTC"],[1,null]]'
    const { client, requests } = await fakeTrino([queued, page(columns, data)])
    expect(await client.rows('SELECT 1')).toEqual([
      { id: 9007199254740993n, at: BigInt(Date.UTC(2026, 10, 20, 14, 30)) * 1000n + 1n },
      { id: 1n, at: null },
    ])
    expect(requests[0]?.headers).toMatchObject({
      'x-trino-user': 'somebody',
      'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
      'x-trino-time-zone': 'UTC',
    })
  })

  it('types every value as the engine does', async () => {
    const named = `[{"kind":"NAMED_TYPE","value":{"fieldName":{"name":"n"},"typeSignature":{"rawType":"bigint","arguments":[]}}}]`
    const columns = [
      column('price', 'decimal', '[{"kind":"LONG","value":38},{"kind":"LONG","value":18}]'),
      column('ratio', 'double'),
      column('count', 'integer'),
      column('day', 'date'),
      column('bytes', 'varbinary'),
      column('at', 'timestamp'),
      column('list', 'array', `[${typeArgument('bigint')}]`),
      column('map', 'map', `[${typeArgument('integer')},${typeArgument('varchar')}]`),
      column('row', 'row', named),
      column('is_sealed', 'boolean'),
    ]
    const data =
      '[["1.000000000000000001","NaN",7,"2026-11-20","AQI=","1969-12-31 23:59:59.999999",' +
      '[9223372036854775807,null],{"1":"a"},[-9223372036854775808],true]]'
    const { client } = await fakeTrino([queued, page(columns, data)])
    expect(await client.rows('SELECT 1')).toEqual([
      {
        price: '1.000000000000000001',
        ratio: NaN,
        count: 7,
        day: '2026-11-20',
        bytes: new Uint8Array([1, 2]),
        at: -1n,
        list: [9223372036854775807n, null],
        map: [{ key: 1, value: 'a' }],
        row: { n: -9223372036854775808n },
        is_sealed: true,
      },
    ])
  })

  it('joins the pages of an answer', async () => {
    const columns = [column('id', 'bigint')]
    const { client } = await fakeTrino([
      queued,
      page(columns, '[[1],[2]]', '"nextUri":"NEXT",'),
      [200, '{"id":"q1","nextUri":"NEXT"}'],
      page(columns, '[[3]]'),
    ])
    expect(await client.rows('SELECT 1')).toEqual([{ id: 1n }, { id: 2n }, { id: 3n }])
  })

  it('says how many rows a statement changed', async () => {
    const { client } = await fakeTrino([queued, finished])
    expect(await client.run('DELETE FROM t')).toBe(3n)
  })

  it.each([
    ['USER_ERROR', 'SYNTAX_ERROR', 'invalid-input', false],
    ['USER_ERROR', 'NOT_SUPPORTED', 'unsupported', false],
    ['INTERNAL_ERROR', 'GENERIC_INTERNAL_ERROR', 'storage-unavailable', false],
  ])('throws a failure of type %s named %s as %s', async (errorType, errorName, kind, again) => {
    const error = JSON.stringify({ message: 'line 1:8 is odd', errorName, errorType })
    const { client } = await fakeTrino([queued, [200, `{"id":"q1","error":${error}}`]])
    await expect(client.rows('SELECT')).rejects.toMatchObject({
      kind,
      isRetryable: again,
      message: expect.stringContaining('line 1:8 is odd'),
    })
  })

  it.each([
    ['Failed to commit during insert: Commit failed: branch main has changed', 'commit-conflict'],
    ['Found conflicting files that can contain records matching true', 'commit-conflict'],
    // A 503 of the catalog, and an answer that never came: the commit may have landed.
    [
      'Service failed: 503: busy\nCannot determine whether the commit was successful or not',
      'commit-state-unknown',
    ],
    ['Error occurred while processing POST request', 'commit-state-unknown'],
  ])('never says "run it again" of a commit that may have landed: %s', async (message, kind) => {
    const failure = { message, errorName: 'ICEBERG_COMMIT_ERROR', errorType: 'EXTERNAL' }
    const body = `{"id":"q1","error":${JSON.stringify(failure)}}`
    const { client } = await fakeTrino([queued, [200, body]])
    const isRefused = kind === 'commit-conflict'
    await expect(client.run('INSERT')).rejects.toMatchObject({
      kind,
      isRetryable: isRefused,
      message: expect.stringContaining(isRefused ? 'run it again' : 'before you run it again'),
    })
  })

  it('throws a failure that is the very first answer', async () => {
    const error = '{"message":"no","errorName":"QUERY_REJECTED","errorType":"USER_ERROR"}'
    const { client } = await fakeTrino([[200, `{"id":"q1","error":${error}}`]])
    await expect(client.rows('SELECT 1')).rejects.toThrow('QUERY_REJECTED')
  })

  it('asks again where the server is busy, and never sends a statement twice behind a gateway', async () => {
    const busy: Answer = [503, 'busy']
    const { client, requests } = await fakeTrino([busy, queued, [502, ''], finished])
    expect(await client.run('INSERT INTO t VALUES 1')).toBe(3n)
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET', 'GET'])
    const gateway = await fakeTrino([[504, 'late']])
    await expect(gateway.client.run('INSERT INTO t VALUES 1')).rejects.toMatchObject({
      kind: 'storage-unavailable',
      message: expect.stringContaining('may have landed'),
    })
    expect(gateway.requests).toHaveLength(1)
  })

  it('ends a statement with more rows than it may hold, and tells Trino so', async () => {
    const columns = [column('id', 'bigint')]
    const more = page(columns, '[[1],[2],[3]]', '"nextUri":"NEXT",')
    const { client, requests } = await fakeTrino([queued, more, [204, '']], 2)
    await expect(client.rows('SELECT 1')).rejects.toThrow('more than 2 rows')
    expect(requests.at(-1)?.method).toBe('DELETE')
  })

  it('says so where nobody listens', async () => {
    const client = createTrinoClient({ url: 'http://127.0.0.1:9', user: 'somebody' })
    await expect(client.rows('SELECT 1')).rejects.toMatchObject({ kind: 'storage-unavailable' })
  })
})
