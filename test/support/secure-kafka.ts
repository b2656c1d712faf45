import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaListener } from '../../stack/kafka-settings.ts'
import { startKafkaNode } from '../../stack/kafka.ts'
import { createTopic } from './kafka.ts'
import { createSelfSigned } from './self-signed-certificate.ts'

export const SECURE_USER = 'sluice-user'
export const SECURE_PASSWORD = 'correct-horse-7'

/** A broker with a plain port, one for users over TLS, and one that wants our certificate. */
export interface SecureKafka {
  readonly plain: string
  /** SASL_SSL: plain, scram-sha-256 and scram-sha-512. */
  readonly secure: string
  /** SSL with a certificate of the client. */
  readonly mutual: string
  /** PEM files: of the broker, its key, and a certificate that nobody knows. */
  readonly certPath: string
  readonly keyPath: string
  readonly strangerPath: string
  readonly folder: string
  createTopic(name: string, partitions: number): Promise<void>
  stop(): Promise<void>
}

export async function startSecureKafka(): Promise<SecureKafka> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-secure-kafka-'))
  const pathOf = (name: string) => join(folder, name)
  const { cert, key } = createSelfSigned()
  await writeFile(pathOf('broker.pem'), cert)
  await writeFile(pathOf('broker.key'), key)
  await writeFile(pathOf('store.pem'), key + cert)
  await writeFile(pathOf('stranger.pem'), createSelfSigned().cert)
  const node = await startKafkaNode({
    listeners: listenersOf(pathOf('store.pem'), pathOf('broker.pem')),
    scramUsers: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=${SECURE_USER},password=${SECURE_PASSWORD}]`,
    ),
  })
  return {
    plain: node.brokers,
    secure: node.listeners.get('SECURE') ?? '',
    mutual: node.listeners.get('MUTUAL') ?? '',
    certPath: pathOf('broker.pem'),
    keyPath: pathOf('broker.key'),
    strangerPath: pathOf('stranger.pem'),
    folder,
    createTopic: (name, partitions) => createTopic([node.brokers], name, partitions),
    stop: async () => {
      await node.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function listenersOf(storePath: string, trustPath: string): readonly KafkaListener[] {
  const keystore = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': storePath }
  const security = 'org.apache.kafka.common.security'
  const scram = `${security}.scram.ScramLoginModule required;`
  return [
    {
      name: 'SECURE',
      protocol: 'SASL_SSL',
      settings: {
        ...keystore,
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'plain.sasl.jaas.config':
          `${security}.plain.PlainLoginModule required ` +
          `user_${SECURE_USER}="${SECURE_PASSWORD}";`,
        'scram-sha-256.sasl.jaas.config': scram,
        'scram-sha-512.sasl.jaas.config': scram,
      },
    },
    {
      name: 'MUTUAL',
      protocol: 'SSL',
      settings: {
        ...keystore,
        'ssl.client.auth': 'required',
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': trustPath,
      },
    },
  ]
}
