import { afterEach, describe, expect, it } from 'vitest'

import { createTestClock } from '../../support/memory-lake.ts'
import {
  errorBody,
  type FakeAnswer,
  type FakeServer,
  openOverFake,
  startFakeServer,
  tableReply,
} from './fake-rest-server.ts'
import { trades } from './open-test-catalog.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A token endpoint that gives out `token-1`, `token-2`, … */
async function startTokenServer(
  answerOf: (nth: number) => FakeAnswer = (nth) => ({
    status: 200,
    body: { access_token: `token-${nth}`, token_type: 'bearer', expires_in: 3600 },
  }),
): Promise<FakeServer> {
  let nth = 0
  const server = await startFakeServer(() => {
    nth += 1
    return answerOf(nth)
  })
  closers.push(server.close)
  return server
}

const oauth = (tokens: FakeServer) => ({
  kind: 'oauth2' as const,
  credential: 'client:s3cr3t',
  scope: 'PRINCIPAL_ROLE:ALL',
  tokenUri: `${tokens.uri}/oauth/tokens`,
})

describe('a REST client with client credentials', () => {
  it('fetches one token for all requests, and sends it with each', async () => {
    const tokens = await startTokenServer()
    const { catalog, server } = await openOverFake(() => tableReply, { auth: oauth(tokens) })
    closers.push(server.close)
    await Promise.all([catalog.loadTable(trades), catalog.loadTable(trades)])
    expect(tokens.seen).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(tokens.seen[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      client_secret: 's3cr3t',
      scope: 'PRINCIPAL_ROLE:ALL',
    })
    const sent = server.seen.map(({ headers }) => headers.authorization)
    expect(sent).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1'])
  })

  it('renews the token before it ends', async () => {
    const clock = createTestClock(1_700_000_000_000_000n)
    const tokens = await startTokenServer()
    const auth = oauth(tokens)
    const { catalog, server } = await openOverFake(() => tableReply, { auth, clock })
    closers.push(server.close)
    clock.advanceUs(3_500_000_000n)
    await catalog.loadTable(trades)
    expect(tokens.seen).toHaveLength(1)
    clock.advanceUs(45_000_000n)
    await catalog.loadTable(trades)
    expect(tokens.seen).toHaveLength(2)
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer token-2')
  })

  it.each([401, 419])('renews it once after %i, for a commit too', async (status) => {
    const tokens = await startTokenServer()
    const { catalog, server } = await openOverFake(
      ({ headers }) =>
        headers.authorization === 'Bearer token-1'
          ? errorBody(status, 'AuthenticationTimeoutException', 'expired')
          : tableReply,
      { auth: oauth(tokens) },
    )
    closers.push(server.close)
    await catalog.commitTransaction([{ identifier: trades, requirements: [], updates: [] }])
    expect(tokens.seen).toHaveLength(2)
  })

  it('gives up where a new token is refused too', async () => {
    const tokens = await startTokenServer()
    const { catalog, server } = await openOverFake(
      ({ headers }) =>
        errorBody(401, 'NotAuthorizedException', `bad ${headers.authorization ?? ''}`),
      { auth: oauth(tokens) },
    )
    closers.push(server.close)
    const loading = catalog.loadTable(trades)
    await expect(loading).rejects.toMatchObject({
      kind: 'invalid-input',
      context: { refusal: 'NotAuthorizedException' },
    })
    // A catalog that repeats the token does not get it into our message.
    await expect(loading).rejects.not.toThrow(/token-\d/)
    expect(tokens.seen).toHaveLength(2)
  })

  it('says what the token endpoint refused, without the secret', async () => {
    const tokens = await startTokenServer(() => ({
      status: 401,
      body: { error: 'invalid_client s3cr3t' },
    }))
    const opening = openOverFake(() => tableReply, { auth: oauth(tokens) })
    await expect(opening).rejects.toThrow(/invalid_client \*\*\*/)
    await expect(opening).rejects.not.toThrow(/s3cr3t/)
    await expect(opening).rejects.toMatchObject({ kind: 'invalid-input' })
  })

  it('asks a token endpoint again that is away for a moment', async () => {
    const tokens = await startTokenServer((nth) =>
      nth < 3 ? { status: 503 } : { status: 200, body: { access_token: 'late' } },
    )
    const { catalog, server } = await openOverFake(() => tableReply, { auth: oauth(tokens) })
    closers.push(server.close)
    await catalog.loadTable(trades)
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer late')
  })
})

describe('a REST client with a token of its own', () => {
  it('sends it, and says clearly where it is refused', async () => {
    const { catalog, server } = await openOverFake(
      () => errorBody(403, 'ForbiddenException', 'not yours, top-secret'),
      { auth: { kind: 'bearer', token: 'top-secret' } },
    )
    closers.push(server.close)
    const loading = catalog.loadTable(trades)
    await expect(loading).rejects.toThrow(/403: not yours, \*\*\*.*check the token/s)
    await expect(loading).rejects.toMatchObject({ context: { refusal: 'ForbiddenException' } })
    expect(server.seen[0]?.headers.authorization).toBe('Bearer top-secret')
    expect(server.to('/v1/namespaces/market/tables/trades')).toHaveLength(1)
  })

  it('sends none where it has none', async () => {
    const { catalog, server } = await openOverFake(() => tableReply)
    closers.push(server.close)
    await catalog.loadTable(trades)
    expect(server.seen[1]?.headers.authorization).toBeUndefined()
  })
})
