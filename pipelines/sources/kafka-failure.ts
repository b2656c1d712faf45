import { SluiceError } from '../../tables/errors.ts'
import type { KafkaConnection } from './kafka-client.ts'

/**
 * What kafkajs threw, in words that say which setting is wrong. Never with a password: kafkajs
 * names none, and neither do we.
 * @param undone what was not done, as a sentence: `Nothing was read.`
 * @param next what to do where the brokers just do not answer, as a sentence.
 */
export function kafkaFailure(
  connection: KafkaConnection,
  cause: unknown,
  { undone, next }: { readonly undone: string; readonly next: string },
): SluiceError {
  if (cause instanceof SluiceError) return cause
  const root = rootOf(cause)
  const where = `Kafka at ${connection.brokers.join(', ')}`
  const refusal = refusalOf(root, connection)
  const { what, advice } = refusal ?? { what: 'cannot be reached', advice: next }
  return new SluiceError(
    'storage-unavailable',
    `${where} ${what} (${oneLine(root.message)}). ${undone} ${advice}`,
    { cause, isRetryable: refusal === undefined },
  )
}

/** The first error of a chain: kafkajs wraps it once for each layer that gave up. */
function rootOf(error: unknown): Error {
  let root = error instanceof Error ? error : new Error(String(error))
  for (let depth = 0; depth < 10 && root.cause instanceof Error; depth += 1) root = root.cause
  return root
}

/** OpenSSL ends what it says with a line break. */
function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').trim()
}

interface Refusal {
  readonly what: string
  readonly advice: string
}

/** Undefined where trying again may help. */
function refusalOf(root: Error, connection: KafkaConnection): Refusal | undefined {
  const code = 'code' in root ? String(root.code) : ''
  const type = 'type' in root ? String(root.type) : ''
  if (type === 'ILLEGAL_SASL_STATE') {
    return {
      what: 'takes no user at this port',
      advice: 'Remove kafka.sasl from the config, or name the port of the SASL listener.',
    }
  }
  const isLogin = root.name === 'KafkaJSSASLAuthenticationError' || type.includes('SASL')
  if (isLogin) return loginRefusal(root, connection)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      what: 'shows a certificate for another name',
      advice: 'Name the brokers as the certificate does, or say its name in kafka.tls.server_name.',
    }
  }
  if (code === 'CERT_HAS_EXPIRED' || untrusted.test(code)) {
    return {
      what: 'shows a certificate that is not trusted',
      advice: 'Give the PEM file of the authority that signed it as kafka.tls.ca_file.',
    }
  }
  if (wantsCertificate.test(`${code} ${root.message}`)) {
    return {
      what: 'wants a certificate of ours, or another one',
      advice: 'Give one that the brokers trust as kafka.tls.cert_file and key_file.',
    }
  }
  const isPlain = /EPROTO|ERR_SSL/.test(code) || root.message.includes('before secure TLS')
  return isPlain ? noTls : closedRefusal(root, code, connection)
}

const untrusted = /SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|CERT_SIGNATURE|CERT_REVOKED|INVALID_CA/
const wantsCertificate = /certificate[ _](required|unknown)|bad[ _]certificate|unknown[ _]ca/i
const noTls: Refusal = {
  what: 'does not speak TLS at this port as we do',
  advice: 'Name the port of the TLS listener, or remove kafka.tls from the config.',
}

function loginRefusal({ message }: Error, { sasl }: KafkaConnection): Refusal {
  const user = sasl === undefined ? 'us' : `the user "${sasl.username}" by ${sasl.mechanism}`
  return {
    what: `refuses ${user}`,
    advice: message.includes('not supported')
      ? 'Set kafka.sasl.mechanism to one that the brokers offer.'
      : 'Correct kafka.sasl in the config or SLUICE_KAFKA_PASSWORD in the environment.',
  }
}

/** A listener that wants TLS or a user just hangs up on who comes without. */
function closedRefusal(
  root: Error,
  code: string,
  connection: KafkaConnection,
): Refusal | undefined {
  const isClosed = root.name === 'KafkaJSConnectionClosedError' || code === 'ECONNRESET'
  const { tls, sasl } = connection
  if (!isClosed || (tls !== undefined && sasl !== undefined)) return undefined
  const missing = [
    ...(tls === undefined ? ['TLS (kafka.tls)'] : []),
    ...(tls !== undefined && tls.certPath === undefined
      ? ['a certificate of ours (kafka.tls.cert_file)']
      : []),
    ...(sasl === undefined ? ['a user (kafka.sasl)'] : []),
  ]
  return {
    what: 'closes our connections',
    advice: `This listener may want ${missing.join(' or ')}: see what the brokers say of it.`,
  }
}
