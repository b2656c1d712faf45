import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openKafkaProducer } from '../../pipelines/producers/kafka-producer.ts'
import type { KafkaConnection } from '../../pipelines/sources/kafka-client.ts'
import type { KafkaSasl } from '../../pipelines/sources/kafka-security.ts'
import { silentLogger } from '../../pipelines/sources/logger.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { readRows } from '../support/lake-content.ts'
import { openExistingLake } from '../support/local-lake.ts'
import {
  SECURE_PASSWORD,
  SECURE_USER,
  startSecureKafka,
  type SecureKafka,
} from '../support/secure-kafka.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'

const TOPIC = 'secured'

await describeWithService('kafka', 'a broker that wants TLS and a user', () => {
  let kafka: SecureKafka
  let config: string
  beforeAll(async () => {
    kafka = await startSecureKafka()
    await kafka.createTopic(TOPIC, 1)
    config = join(kafka.folder, 'sluice.yaml')
    const [port = 0] = await freePorts(1)
    await writeFile(
      config,
      [
        'lake: ./lake',
        `catalog: { port: ${port} }`,
        'kafka:',
        `  brokers: ["${kafka.secure}"]`,
        '  tls: { ca_file: broker.pem }',
        `  sasl: { mechanism: scram-sha-256, username: ${SECURE_USER} }`,
        `sources: [{ topic: ${TOPIC}, format: stock-json }]`,
        'trigger: { time_ms: 300 }',
        '',
      ].join('\n'),
    )
  })
  afterAll(() => kafka.stop())

  const connect = async (connection: Omit<KafkaConnection, 'clientId'>) => {
    const producer = await openKafkaProducer({
      connection: { clientId: 'test', ...connection },
      topic: TOPIC,
      logger: silentLogger,
    })
    await producer.close()
  }
  const sasl = (mechanism: KafkaSasl['mechanism'], password = SECURE_PASSWORD): KafkaSasl => ({
    mechanism,
    username: SECURE_USER,
    password,
  })
  /** What a connection fails with, as its message. */
  const refusal = async (connection: Omit<KafkaConnection, 'clientId'>) => {
    const error: unknown = await connect(connection).then(
      () => new Error('it was let in'),
      (reason: unknown) => reason,
    )
    expect(String(error)).not.toContain(SECURE_PASSWORD)
    return error
  }
  const refused = (pattern: RegExp) => ({
    kind: 'storage-unavailable',
    isRetryable: false,
    message: expect.stringMatching(pattern) as string,
  })

  it('is produced to, read and checked by a config, and nothing says the password', async () => {
    const env = { SLUICE_KAFKA_PASSWORD: SECURE_PASSWORD }
    const produced = await runSluice(
      ['produce', '--topic', TOPIC, '--config', config, '--rate', '50', '--duration', '2s'],
      { env },
    )
    expect(produced).toMatchObject({ code: 0, stdout: expect.stringMatching(/sent to/) as string })
    const checked = await runSluice(['check', '--config', config], { env })
    expect(checked.stdout).toContain(
      `kafka ${kafka.secure}, TLS (authority ${kafka.certPath}), SASL scram-sha-256 as ${SECURE_USER}`,
    )
    expect(checked).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('would run') as string,
    })
    const live = startSluice(['live', '--config', config, '--json'], env)
    await live.waitFor(/"cut":1|cuts/)
    expect(await live.stop('SIGTERM'), live.output()).toBe(0)
    const lake = await openExistingLake(join(kafka.folder, 'lake'))
    const [row] = await readRows<{ n: bigint }>(
      lake,
      'silver.trades',
      'SELECT count(*) AS n FROM t',
    )
    await lake.close()
    expect(row?.n).toBeGreaterThan(0n)
    const said = [produced.stdout, produced.stderr, checked.stdout, checked.stderr, live.output()]
    expect(said.join('\n')).not.toContain(SECURE_PASSWORD)
  })

  it('is not tried without a password', async () => {
    const live = await runSluice(['live', '--config', config])
    expect(live.code).not.toBe(0)
    expect(live.stderr).toMatch(
      /names the user "sluice-user".*Nothing was started\. Set SLUICE_KAFKA_PASSWORD/,
    )
    const checked = await runSluice(['check', '--config', config, '--json'])
    expect(JSON.parse(checked.stdout)).toMatchObject({
      wouldRun: false,
      kafka: { sasl: { mechanism: 'scram-sha-256', username: SECURE_USER } },
      problems: [expect.stringContaining('SLUICE_KAFKA_PASSWORD')],
    })
  })

  it('lets users in by each mechanism, and programs by their certificate', async () => {
    const { secure, mutual, certPath, keyPath } = kafka
    const tls = { caPath: certPath }
    await connect({ brokers: [secure], tls, sasl: sasl('plain') })
    await connect({ brokers: [secure], tls, sasl: sasl('scram-sha-512') })
    await connect({ brokers: [mutual], tls: { caPath: certPath, certPath, keyPath } })
    const serverName = 'localhost'
    await connect({ brokers: [secure], tls: { ...tls, serverName }, sasl: sasl('plain') })
  })

  it('says which setting is wrong', async () => {
    const { secure, mutual, plain, certPath, strangerPath } = kafka
    const tls = { caPath: certPath }
    const user = sasl('scram-sha-256')
    const other = { ...tls, serverName: 'broker-1.example' }
    const wrong = [
      refusal({ brokers: [secure], tls, sasl: sasl('scram-sha-256', 'wrong-horse') }),
      refusal({ brokers: [secure], tls, sasl: sasl('plain', 'wrong-horse') }),
      refusal({ brokers: [secure], tls: { caPath: strangerPath }, sasl: user }),
      refusal({ brokers: [secure], tls: {}, sasl: user }),
      refusal({ brokers: [secure], tls: other, sasl: user }),
      refusal({ brokers: [secure], tls }),
      refusal({ brokers: [secure] }),
      refusal({ brokers: [mutual], tls }),
      refusal({ brokers: [plain], tls, sasl: user }),
      refusal({ brokers: [plain], sasl: user }),
    ]
    const login = /refuses the user "sluice-user" by [\w-]+ .*SLUICE_KAFKA_PASSWORD/
    expect(await Promise.all(wrong)).toMatchObject([
      refused(login),
      refused(login),
      refused(/not trusted .*kafka\.tls\.ca_file/),
      refused(/not trusted .*kafka\.tls\.ca_file/),
      refused(/for another name .*kafka\.tls\.server_name/),
      refused(/closes our connections .*or a user \(kafka\.sasl\)/),
      refused(/closes our connections .*TLS \(kafka\.tls\) or a user/),
      refused(/a certificate of ours.*kafka\.tls\.cert_file/),
      refused(/does not speak TLS at this port/),
      refused(/takes no user at this port .*Remove kafka\.sasl/),
    ])
  })
})
