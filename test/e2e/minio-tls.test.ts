import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startMinio } from '../../stack/minio.ts'
import { prepareMinio } from '../../stack/prepare-minio.ts'
import { S3_ACCOUNT, type S3Account, type S3Server } from '../../stack/start-s3-server.ts'
import { repositoryRoot } from '../support/data.ts'
import { openS3 } from '../support/s3-server.ts'
import { createSelfSigned } from '../support/self-signed-certificate.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, type Finished } from '../support/sluice-process.ts'

const BUCKET = 'sluice-lake'
const WRITER = 'lake-writer'
/** Accounts whose policy is that of the stack but for one action. */
const lacking = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket'] as const
type Action = (typeof lacking)[number]

interface Policy {
  readonly Statement: readonly { readonly Action: readonly string[] }[]
}

const userOf = (action: Action): string => `without-${action.slice(3).toLowerCase()}`
const secretOf = (user: string): string => `secret-of-${user}`

await describeWithService(
  'minio',
  'a lake on MinIO by https, with no more rights than it needs',
  () => {
    let folder: string
    let minio: S3Server
    let trusting: string
    let untrusting: string

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
      const dataFolder = join(folder, 'data')
      // Accounts are made by http: the set-up of the stack knows no authorities.
      const open = await startMinio({ dataFolder })
      try {
        await makeAccounts(open)
      } finally {
        await open.stop()
      }
      const tls = createSelfSigned()
      minio = await startMinio({ dataFolder, tls })
      await writeFile(join(folder, 'ca.pem'), tls.cert)
      trusting = await writeConfig('trusting', { ca_file: './ca.pem' })
      untrusting = await writeConfig('untrusting', {})
      await writeFile(join(folder, 'trades.jsonl'), tradesOf(40))
    })
    afterAll(async () => {
      await minio.stop()
      await rm(folder, { recursive: true, force: true })
    })

    async function makeAccounts(root: S3Account): Promise<void> {
      const text = await readFile(join(repositoryRoot, 'minio', 'lake-policy.json'), 'utf8')
      const make = (user: string, policy: string) =>
        prepareMinio(root, {
          bucket: BUCKET,
          policy: { name: `policy-of-${user}`, text: policy },
          writer: { accessKeyId: user, secretAccessKey: secretOf(user) },
        })
      await make(WRITER, text)
      const policy = JSON.parse(text) as Policy
      for (const action of lacking) {
        const statements = policy.Statement.map((each) => ({
          ...each,
          Action: each.Action.filter((name) => name !== action),
        }))
        await make(userOf(action), JSON.stringify({ ...policy, Statement: statements }))
      }
    }

    async function writeConfig(
      name: string,
      trust: { readonly ca_file?: string },
    ): Promise<string> {
      const path = join(folder, `${name}.yaml`)
      const config = {
        lake: `./lake-${name}`,
        warehouse: `s3://${BUCKET}/${name}`,
        s3: { endpoint: minio.endpoint, region: S3_ACCOUNT.region, ...trust },
        kafka: { brokers: ['127.0.0.1:1'] },
        sources: [{ topic: 'stocks', format: 'stock-json' }],
      }
      // YAML is a superset of JSON.
      await writeFile(path, JSON.stringify(config))
      return path
    }

    const accountOf = (user: string) => ({
      AWS_ACCESS_KEY_ID: user,
      AWS_SECRET_ACCESS_KEY: secretOf(user),
    })

    async function run(
      args: readonly string[],
      env: Readonly<Record<string, string>> = accountOf(WRITER),
    ): Promise<Finished> {
      const finished = await runSluice(args, { env })
      const said = finished.stdout + finished.stderr
      expect(said).not.toContain(env['AWS_SECRET_ACCESS_KEY'])
      return finished
    }

    async function succeed(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await run([...args, '--lake', join(folder, 'lake-trusting')])
      expect(code, stderr).toBe(0)
      return stdout
    }

    const backfill = (config: string) => [
      ...['backfill', '--config', config, '--format', 'stock-json'],
      join(folder, 'trades.jsonl'),
    ]

    it('refuses a certificate that it does not know, and says what to do', async () => {
      const { code, stderr } = await run(backfill(untrusting))
      expect(code).toBe(1)
      expect(stderr).toMatch(/^sluice: storage-unavailable: .*SELF_SIGNED_CERT.*s3\.ca_file/m)
    })

    it('makes, fills, reads and tidies up a lake with the policy of the stack', async () => {
      const { code, stderr } = await run(backfill(trusting))
      expect(code, stderr).toBe(0)
      const count = ['sql', '--format', 'csv', 'SELECT count(*) AS n FROM silver.trades']
      expect(await succeed(...count)).toContain('40')
      await succeed('maintain', 'compact', '--least-files', '2')
      await succeed('maintain', 'manifests', '--force')
      await succeed('maintain', 'expire', '--older-than', '0s', '--cuts')
      await succeed('maintain', 'orphans', '--older-than', '1d', '--delete')
      expect(await succeed('status')).toContain('gold.bars')
      expect(await succeed(...count)).toContain('40')
    })

    it('trusts what NODE_EXTRA_CA_CERTS names too', async () => {
      const env = { ...accountOf(WRITER), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
      const { code, stderr } = await run(backfill(untrusting), env)
      expect(code, stderr).toBe(0)
    })

    it.each(['s3:PutObject', 's3:GetObject', 's3:ListBucket'] as const)(
      'names %s where the policy does not allow it',
      async (action) => {
        const lake = ['--lake', join(folder, 'lake-trusting')]
        const args = {
          's3:PutObject': backfill(await writeConfig('put', { ca_file: './ca.pem' })),
          's3:GetObject': ['sql', 'SELECT count(*) AS n FROM silver.trades', ...lake],
          's3:ListBucket': ['maintain', 'orphans', ...lake],
        }[action]
        const { code, stderr } = await run(args, accountOf(userOf(action)))
        expect(code, stderr).toBe(1)
        expect(stderr).toMatch(/^sluice: storage-unavailable: /m)
        expect(stderr).toContain(`the store refuses ${action} to these credentials`)
      },
    )

    it('names s3:DeleteObject where the policy does not allow it', async () => {
      const user = userOf('s3:DeleteObject')
      const account = { ...minio, accessKeyId: user, secretAccessKey: secretOf(user) }
      const authorities = await readFile(join(folder, 'ca.pem'), 'utf8')
      const fileIO = openS3(account, join(folder, 'copies'), { authorities })
      const location = `s3://${BUCKET}/a file`
      await fileIO.write(location, Buffer.from('x'))
      await expect(fileIO.delete(location)).rejects.toMatchObject({
        kind: 'storage-unavailable',
        message: expect.stringContaining('the store refuses s3:DeleteObject to these credentials'),
      })
      fileIO.close()
    })
  },
)

function tradesOf(count: number): string {
  const lines = Array.from({ length: count }, (_, n) => {
    const timestamp = new Date(Date.UTC(2025, 0, 15, 14, n)).toISOString()
    const common = { symbol: 'AAPL', price: '100.25', volume: 1 + n, timestamp }
    const trade = { trade_id: `T${n}`, ...common, trade_type: 'BUY', exchange: 'NASDAQ' }
    return `${JSON.stringify(trade)}\n`
  })
  return lines.join('')
}
