import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto'

const SALT_BYTES = 32
const KEY_BYTES = 32
const NONCE_BYTES = 8
const PBKDF2_ROUNDS = 8192
/** Says how the key was made: PBKDF2, and AES-256-GCM after it. */
const PBKDF2_AES_GCM = 2
const FRAGMENT_BYTES = 16_384

/**
 * The form in which MinIO's admin calls take secrets: salt, a byte for the way, nonce, and the
 * text in AES-256-GCM under a key from the caller's own secret. Source of the form: `EncryptData`
 * of github.com/minio/madmin-go, and the stream of github.com/secure-io/sio-go: fragment number n
 * (from 1) has nonce + n, and as additional data a byte that marks the last one and the tag of an
 * empty fragment 0. Texts here fit one fragment.
 * @throws RangeError for a text of more than 16 KiB.
 */
export function encryptForMinio(secret: string, text: string): Uint8Array {
  const data = Buffer.from(text)
  if (data.length > FRAGMENT_BYTES) throw new RangeError('the text is longer than one fragment')
  const salt = randomBytes(SALT_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  const key = pbkdf2Sync(secret, salt, PBKDF2_ROUNDS, KEY_BYTES, 'sha256')
  const header = seal(key, fragmentNonce(nonce, 0), { data: Buffer.alloc(0) })
  const isLast = Buffer.from([0x80])
  const sealed = seal(key, fragmentNonce(nonce, 1), {
    data,
    additional: Buffer.concat([isLast, header]),
  })
  return Buffer.concat([salt, Buffer.from([PBKDF2_AES_GCM]), nonce, sealed])
}

function fragmentNonce(nonce: Buffer, fragment: number): Buffer {
  const count = Buffer.alloc(4)
  count.writeUInt32LE(fragment)
  return Buffer.concat([nonce, count])
}

/** The ciphertext and, after it, the tag. */
function seal(
  key: Buffer,
  nonce: Buffer,
  { data, additional = Buffer.alloc(0) }: { readonly data: Buffer; readonly additional?: Buffer },
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(additional)
  return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()])
}
