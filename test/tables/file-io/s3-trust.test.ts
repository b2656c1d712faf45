import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openS3 } from '../../support/s3-server.ts'
import { createSelfSigned } from '../../support/self-signed-certificate.ts'

const account = { region: 'us-east-1', accessKeyId: 'a-key', secretAccessKey: 'a-secret-of-a-test' }
const signed = createSelfSigned()
const folder = join(tmpdir(), 'sluice-unused')

describe('an S3 store by https', () => {
  const server = createServer(signed, (incoming, answer) => {
    incoming.resume()
    answer.end('ten bytes!')
  })
  let endpoint: string

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('is refused at once where its certificate is not trusted, and it is said what to do', async () => {
    let waitCount = 0
    const wait = async () => {
      waitCount += 1
    }
    const fileIO = openS3({ ...account, endpoint }, folder, { wait })
    const error = {
      kind: 'storage-unavailable',
      isRetryable: false,
      message: expect.stringMatching(
        /\(DEPTH_ZERO_SELF_SIGNED_CERT\)\. Nothing was returned; .* as s3\.ca_file in the config/,
      ),
    }
    await expect(fileIO.read('s3://bucket/key')).rejects.toMatchObject(error)
    expect(waitCount).toBe(0)
    fileIO.close()
  })

  it('is trusted by the certificate of its authority, beside those that Node.js knows', async () => {
    const fileIO = openS3({ ...account, endpoint }, folder, { authorities: signed.cert })
    const bytes = await fileIO.read('s3://bucket/key')
    expect(new TextDecoder().decode(bytes)).toBe('ten bytes!')
    fileIO.close()
  })

  it('is refused where the certificate is for another host', async () => {
    const other = createServer(signed, (_, answer) => answer.end())
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.2', resolve))
    const elsewhere = `https://127.0.0.2:${(other.address() as AddressInfo).port}`
    const fileIO = openS3({ ...account, endpoint: elsewhere }, folder, { authorities: signed.cert })
    const reason = /\(ERR_TLS_CERT_ALTNAME_INVALID\)\. .* for the host of the endpoint/
    await expect(fileIO.read('s3://bucket/key')).rejects.toThrow(reason)
    fileIO.close()
    await new Promise((resolve) => other.close(resolve))
  })
})
