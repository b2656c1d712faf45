import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { S3FileIO, S3FileIOOptions } from '../../../tables/file-io/s3-file-io.ts'
import { openS3 } from '../../support/s3-server.ts'

const account = {
  region: 'us-east-1',
  accessKeyId: 'AKIAKEYOFATEST',
  secretAccessKey: 'secret-of-a-test',
}
const sessionToken = 'token-of-a-test'
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

type Answer = (incoming: IncomingMessage, answer: ServerResponse) => void

/** Answers of servers that are not at hand. */
describe('an S3 store that answers in its own way', () => {
  const ending: (() => Promise<void>)[] = []
  afterEach(async () => {
    vi.restoreAllMocks()
    for (const end of ending.splice(0)) await end()
  })

  async function open(serve: Answer, options: Partial<S3FileIOOptions> = {}) {
    const requests: IncomingMessage[] = []
    const server = createServer((incoming, answer) => {
      requests.push(incoming)
      incoming.resume()
      incoming.once('end', () => serve(incoming, answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const fileIO: S3FileIO = openS3({ ...account, endpoint }, join(tmpdir(), 'sluice-unused'), {
      credentials: { ...account, sessionToken },
      wait: async () => undefined,
      ...options,
    })
    ending.push(async () => {
      fileIO.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return { fileIO, requests, endpoint }
  }

  const answering =
    (status: number, code: string, more = ''): Answer =>
    (_, answer) => {
      answer.writeHead(status, { 'content-type': 'application/xml' })
      answer.end(`<Error><Code>${code}</Code><Message>no</Message>${more}</Error>`)
    }

  it('may send all of a file where a range was asked: the range is cut out of it', async () => {
    const { fileIO } = await open((_, answer) => answer.end('0123456789'))
    expect(textOf(await fileIO.read('s3://lake/x', { offset: 3, length: 4 }))).toBe('3456')
    await expect(fileIO.read('s3://lake/x', { offset: 8, length: 4 })).rejects.toMatchObject({
      kind: 'corrupt-data',
      context: { reason: 'short-file', sizeBytes: 10 },
    })
  })

  it('may not send another range than was asked', async () => {
    const { fileIO, requests } = await open((_, answer) => {
      answer.writeHead(206, { 'content-range': 'bytes 4-7/10', 'content-length': 4 })
      answer.end('4567')
    })
    await expect(fileIO.read('s3://lake/x', { offset: 3, length: 4 })).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
    expect(requests).toHaveLength(6)
  })

  it('keeps what it is told of credentials, and what it tells of them, out of errors and logs', async () => {
    const said = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => undefined),
    )
    const requests: IncomingMessage[] = []
    const told = (incoming: IncomingMessage): string => String(incoming.headers['authorization'])
    const echo: Answer = (incoming, answer) => {
      requests.push(incoming)
      // As AWS answers: with the key, the signature and what was signed.
      const fields = {
        AWSAccessKeyId: account.accessKeyId,
        SignatureProvided: told(incoming),
        StringToSign: told(incoming),
        CanonicalRequest: sessionToken,
      }
      const xml = Object.entries(fields).map(([name, text]) => `<${name}>${text}</${name}>`)
      answering(403, 'SignatureDoesNotMatch', xml.join(''))(incoming, answer)
    }
    const { fileIO } = await open(echo)
    const results = await Promise.allSettled([
      fileIO.read('s3://lake/x'),
      fileIO.stat('s3://lake/x'),
      fileIO.write('s3://lake/x', new Uint8Array(1)),
      fileIO.write('s3://lake/x', new Uint8Array(1), { ifAbsent: true }),
      fileIO.delete('s3://lake/x'),
      fileIO.list('s3://lake')[Symbol.asyncIterator]().next(),
    ])
    const shown = results.map((result) =>
      inspect(result, { depth: 10, showHidden: true, getters: true }),
    )
    const logged = said.flatMap((spy) => spy.mock.calls.flat().map(String))
    const text = [...shown, ...logged].join('\n')
    expect(results.map(({ status }) => status)).toEqual(results.map(() => 'rejected'))
    expect(text).toContain('check the access key')
    expect(text).toContain('SignatureDoesNotMatch')
    const signatures = requests.map((incoming) => told(incoming).split('Signature=')[1] ?? '')
    expect(signatures.every((signature) => /^[0-9a-f]{64}$/.test(signature))).toBe(true)
    expect(requests.every(({ headers }) => headers['x-amz-security-token'] === sessionToken)).toBe(
      true,
    )
    const secrets = [account.accessKeyId, account.secretAccessKey, sessionToken, 'AWS4-HMAC']
    for (const secret of [...secrets, ...signatures]) expect(text).not.toContain(secret)
  })

  it.each([
    [301, 'PermanentRedirect', 'invalid-input', /region/],
    [400, 'AuthorizationHeaderMalformed', 'invalid-input', /region/],
    [400, 'ExpiredToken', 'storage-unavailable', /session token/],
    [404, 'NoSuchBucket', 'invalid-input', /bucket does not exist/],
    [409, 'ObjectParentIsFile', 'storage-unavailable', /ObjectParentIsFile, status 409/],
    [501, 'NotImplemented', 'unsupported', /cannot do that/],
  ] as const)('says what %i %s means, without a second try', async (status, code, kind, words) => {
    const { fileIO, requests } = await open(answering(status, code))
    const writing = fileIO.write('s3://lake/x', new Uint8Array(1))
    await expect(writing).rejects.toMatchObject({ kind, isRetryable: false })
    await expect(writing).rejects.toThrow(words)
    await expect(writing).rejects.toThrow(/was not written/)
    expect(requests).toHaveLength(1)
  })

  it.each([
    [400, 'RequestTimeout'],
    [400, 'BadDigest'],
    [409, 'ConditionalRequestConflict'],
    [429, 'SlowDown'],
    [500, 'InternalError'],
    [503, 'SlowDown'],
  ])('is asked again after %i %s', async (status, code) => {
    let count = 0
    const { fileIO } = await open((incoming, answer) => {
      count += 1
      if (count < 3) answering(status, code)(incoming, answer)
      else answer.end()
    })
    await fileIO.write('s3://lake/x', new Uint8Array(1))
    expect(count).toBe(3)
  })

  it.each([
    ['ours', 'ours'],
    ['ours', 'other'],
    ['longer', 'ours'],
  ])(
    'that keeps no marks is asked for the bytes: %s was written, %s is there',
    async (own, there) => {
      let putCount = 0
      const bytes = new TextEncoder().encode(there)
      const { fileIO } = await open((incoming, answer) => {
        const isProbe = incoming.url?.includes('_sluice-probe-') === true
        if (incoming.method === 'GET') answer.end(bytes)
        else if (incoming.method === 'HEAD') {
          answer.writeHead(200, { 'content-length': bytes.length })
          answer.end()
        } else if (incoming.method === 'DELETE') answer.end()
        else if (isProbe) answering(412, 'PreconditionFailed')(incoming, answer)
        else if ((putCount += 1) === 1) incoming.socket.destroy()
        else answering(412, 'PreconditionFailed')(incoming, answer)
      })
      const writing = fileIO.write('s3://lake/x', new TextEncoder().encode(own), { ifAbsent: true })
      if (own === there) await writing
      else await expect(writing).rejects.toMatchObject({ kind: 'commit-conflict' })
      expect(putCount).toBe(2)
    },
  )

  it('is not asked for longer than the policy says', async () => {
    let nowUs = 0n
    const { fileIO, requests } = await open(answering(503, 'SlowDown'), {
      clock: { nowUs: () => nowUs },
      retry: { totalMsMax: 1_000, firstDelayMs: 400, triesMax: 100 },
      wait: async (waitMs) => {
        nowUs += BigInt(waitMs) * 1000n
      },
    })
    await expect(fileIO.read('s3://lake/x')).rejects.toMatchObject({ isRetryable: true })
    // Waits of 200 to 400 ms, then of 400 to 800: the third would end beyond the second.
    expect(requests.length).toBeGreaterThanOrEqual(2)
    expect(requests.length).toBeLessThanOrEqual(3)
  })

  it('is not spoken to where its address holds a password, which is not repeated', () => {
    const folder = join(tmpdir(), 'sluice-unused')
    for (const endpoint of ['http://user:hunter2@127.0.0.1', 'ftp://127.0.0.1', 'hunter2']) {
      const opening = () => openS3({ ...account, endpoint }, folder)
      expect(opening).toThrow(/not an http: or https: address/)
      expect(opening).not.toThrow(/hunter2/)
    }
  })
})
