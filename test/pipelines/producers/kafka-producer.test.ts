import { afterAll, beforeAll, expect, it } from 'vitest'
import { openKafkaProducer } from '../../../pipelines/producers/kafka-producer.ts'
import { createSimulator } from '../../../pipelines/producers/simulator.ts'
import { createKafkaSource } from '../../../pipelines/sources/kafka-source.ts'
import { silentLogger } from '../../../pipelines/sources/logger.ts'
import type { KafkaBroker } from '../../support/kafka.ts'
import { startKafka } from '../../support/kafka.ts'
import { describeWithService } from '../../support/service.ts'
import { kafkaOptions, makeScratch, readMessages } from '../sources/kafka-rig.ts'

await describeWithService('kafka', 'the Kafka producer', () => {
  let broker: KafkaBroker
  const scratch = makeScratch()
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(async () => {
    await broker.stop()
    scratch.remove()
  })
  const producerOf = (topic: string) =>
    openKafkaProducer({
      connection: { brokers: broker.brokers, clientId: 'test' },
      topic,
      logger: silentLogger,
    })

  it('sends simulated messages that the source reads back, a symbol in one partition', async () => {
    await broker.createTopic('simulated', 4)
    const simulator = createSimulator({ seed: 2, eventsPerSecond: 1000 })
    simulator.tick(1_736_937_000_000_000n)
    const sent = simulator.tick(1_736_937_004_000_000n)
    const producer = await producerOf('simulated')
    await producer.send(sent)
    await producer.send([
      { key: null, payload: Buffer.from('x'), receivedUs: undefined, headers: { entry: 'e' } },
    ])
    await producer.close()
    const options = kafkaOptions(broker.brokers, scratch.path, {
      topics: [{ topic: 'simulated', format: 'stock-json' }],
    })
    const source = createKafkaSource(options)
    await source.open(new Map())
    const { messages } = await readMessages(source, sent.length + 1)
    await source.close()
    const simulated = messages.filter(({ payload }) => payload !== 'x')
    expect(simulated.every(({ receivedUs }) => receivedUs === 1_736_937_004_000_000n)).toBe(true)
    const partitions = new Map<string | undefined, Set<string>>()
    for (const { key, part } of simulated) {
      partitions.set(key, (partitions.get(key) ?? new Set()).add(part))
    }
    expect(partitions.size).toBe(5)
    expect([...partitions.values()].every(({ size }) => size === 1)).toBe(true)
    const plain = sent.filter(({ payload }) => payload !== null && !payload.includes(0xff))
    expect(
      simulated.flatMap(({ payload }) => (payload === undefined ? [] : [payload])).sort(),
    ).toEqual(
      expect.arrayContaining(
        plain.map(({ payload }) => Buffer.from(payload ?? []).toString()).sort(),
      ),
    )
    expect(messages.find(({ payload }) => payload === 'x')?.headers).toBe('{"entry":"e"}')
  })

  it('says at once that a topic does not exist', async () => {
    await expect(producerOf('nowhere')).rejects.toMatchObject({
      kind: 'storage-unavailable',
      message: expect.stringContaining('no topic "nowhere"') as string,
    })
  })
})
