import { encryptForMinio } from './encrypt-for-minio.ts'
import { signS3Request } from './sign-s3-request.ts'
import type { S3Account } from './start-s3-server.ts'

/** What a MinIO of the stack holds from the start on. */
export interface MinioContent {
  readonly bucket: string
  /** A policy's name and its JSON text. */
  readonly policy: { readonly name: string; readonly text: string }
  /** The account that the policy is given to. */
  readonly writer: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/**
 * Makes the bucket, the policy and the writer's account, as `docker-compose.yml` does by `mc`. What
 * is there stays; policy and account are set anew, so that a changed file counts at the next start.
 */
export async function prepareMinio(root: S3Account, content: MinioContent): Promise<void> {
  const { bucket, policy, writer } = content
  await send(root, { path: `/${bucket}`, accepted: ['BucketAlreadyOwnedByYou'] })
  await send(root, {
    path: `${ADMIN}/add-canned-policy`,
    query: { name: policy.name },
    body: Buffer.from(policy.text),
  })
  const account = JSON.stringify({ secretKey: writer.secretAccessKey, status: 'enabled' })
  await send(root, {
    path: `${ADMIN}/add-user`,
    query: { accessKey: writer.accessKeyId },
    body: encryptForMinio(root.secretAccessKey, account),
  })
  await send(root, {
    path: `${ADMIN}/set-user-or-group-policy`,
    query: { policyName: policy.name, userOrGroup: writer.accessKeyId, isGroup: 'false' },
  })
}

const ADMIN = '/minio/admin/v3'
const REQUEST_MS_MAX = 30_000

interface Call {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Error codes that mean that it is so already. */
  readonly accepted?: readonly string[]
}

async function send(root: S3Account, call: Call): Promise<void> {
  const url = new URL(call.path, root.endpoint)
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
  const body = call.body ?? new Uint8Array()
  const response = await fetch(url, {
    method: 'PUT',
    headers: signS3Request({ method: 'PUT', url, body }, root, new Date()),
    body,
    signal: AbortSignal.timeout(REQUEST_MS_MAX),
  })
  const text = await response.text()
  if (response.ok) return
  const code = /(?:<Code>|"Code":\s*")([A-Za-z]+)/.exec(text)?.[1] ?? 'unknown'
  if (call.accepted?.includes(code) === true) return
  throw new Error(`MinIO refused PUT ${call.path}: ${response.status} ${code}`)
}
