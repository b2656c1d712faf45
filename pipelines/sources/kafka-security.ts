import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { KafkaConfig, SASLOptions } from 'kafkajs'
import { SluiceError } from '../../tables/errors.ts'
import type { KafkaConnection } from './kafka-client.ts'

/** Paths of PEM files; without `caPath` the authorities that Node trusts count. */
export interface KafkaTls {
  readonly caPath?: string | undefined
  /** Certificate and key of ours, for brokers that want one; both or neither. */
  readonly certPath?: string | undefined
  readonly keyPath?: string | undefined
  /** The name that the brokers' certificate is for, where it is not the one in `brokers`. */
  readonly serverName?: string | undefined
}

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/** Who we are to the brokers; the password is never part of a config. */
export interface KafkaAccount {
  readonly mechanism: (typeof saslMechanisms)[number]
  readonly username: string
}

export type KafkaSasl = KafkaAccount & { readonly password: string }

/** A connection as a config has it: everything but the password. */
export type KafkaSettings = Omit<KafkaConnection, 'sasl'> & {
  readonly sasl?: KafkaAccount | undefined
}

/**
 * The settings with the password.
 * @throws SluiceError `invalid-input` where an account has none.
 */
export function connectionOf(
  { brokers, clientId, tls, sasl }: KafkaSettings,
  password: string | undefined,
): KafkaConnection {
  const plain = { brokers, clientId, ...(tls === undefined ? {} : { tls }) }
  if (sasl === undefined) return plain
  if (password === undefined) {
    throw new SluiceError(
      'invalid-input',
      `kafka.sasl names the user "${sasl.username}", but there is no password. Nothing was ` +
        'started. Set SLUICE_KAFKA_PASSWORD in the environment.',
    )
  }
  const { mechanism, username } = sasl
  return { ...plain, sasl: { mechanism, username, password } }
}

/**
 * What kafkajs wants to know of TLS and SASL.
 * @throws SluiceError `invalid-input` where a PEM file cannot be read or used.
 */
export function securityConfig({ tls, sasl }: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === undefined ? {} : { ssl: readTls(tls) }),
    ...(sasl === undefined ? {} : { sasl: saslOptions(sasl) }),
  }
}

function saslOptions({ mechanism, username, password }: KafkaSasl): SASLOptions {
  return { mechanism, username, password }
}

function readTls(tls: KafkaTls): NonNullable<KafkaConfig['ssl']> {
  const ca = tls.caPath === undefined ? undefined : readPem('ca_file', tls.caPath)
  const cert = tls.certPath === undefined ? undefined : readPem('cert_file', tls.certPath)
  const key = tls.keyPath === undefined ? undefined : readPem('key_file', tls.keyPath)
  try {
    // A wrong authority is passed over in silence later, a wrong key fails at each connection.
    for (const certificate of [ca, cert]) if (certificate) new X509Certificate(certificate)
    createSecureContext({ cert, key })
  } catch (cause) {
    const paths = [tls.caPath, tls.certPath, tls.keyPath].filter((path) => path !== undefined)
    throw unusable(`kafka.tls cannot be used with ${paths.join(', ')}`, cause)
  }
  const { serverName: servername } = tls
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(servername === undefined ? {} : { servername }),
  }
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unusable(`kafka.tls.${name} ${path} cannot be read`, cause)
  }
}

function unusable(what: string, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SluiceError(
    'invalid-input',
    `${what} (${reason}). Nothing was started. Give PEM files: certificates in ca_file and ` +
      'cert_file, the private key of cert_file in key_file.',
    { cause },
  )
}
