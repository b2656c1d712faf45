export interface KafkaAddresses {
  /** What clients connect to, host and port. */
  readonly broker: string
  readonly controller: string
}

/**
 * Settings of a one-node cluster (KRaft: broker and controller in one process) beside its ports
 * and folders. The tests' broker and docker-compose.yml share them; a test compares the two.
 */
export const oneNodeSettings: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  // COMPOSE is what containers call in docker-compose.yml: 127.0.0.1 means another thing there.
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,COMPOSE:PLAINTEXT',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  // A topic that nobody made is a mistake in a config, and must not look like an empty one.
  'auto.create.topics.enable': 'false',
  // One node cannot hold the default of three copies.
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // Else a start after a kill waits 9 s for the old registration to run out.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
}

/** One more port of a broker, in Kafka's words. */
export interface KafkaListener {
  /** Upper case: `SECURE`. */
  readonly name: string
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Settings of this listener alone: `ssl.keystore.type`, `sasl.enabled.mechanisms`. */
  readonly settings: Readonly<Record<string, string>>
}

/** All settings of a node at these addresses that keeps its data in `logFolder`. */
export function kafkaSettings(
  addresses: KafkaAddresses,
  logFolder: string,
  more: readonly (KafkaListener & { readonly address: string })[] = [],
): Readonly<Record<string, string>> {
  const { broker, controller } = addresses
  const extra = more.map(({ name, address }) => `${name}://${address}`)
  const protocolMap = 'listener.security.protocol.map'
  const protocols = more.map(({ name, protocol }) => `${name}:${protocol}`)
  return {
    ...oneNodeSettings,
    [protocolMap]: [oneNodeSettings[protocolMap], ...protocols].join(','),
    'controller.quorum.voters': `1@${controller}`,
    listeners: [`PLAINTEXT://${broker}`, `CONTROLLER://${controller}`, ...extra].join(','),
    'advertised.listeners': [`PLAINTEXT://${broker}`, ...extra].join(','),
    'log.dirs': logFolder,
    ...Object.fromEntries(more.flatMap(listenerSettings)),
  }
}

function listenerSettings({ name, settings }: KafkaListener): [string, string][] {
  const prefix = `listener.name.${name.toLowerCase()}`
  return Object.entries(settings).map(([key, value]) => [`${prefix}.${key}`, value])
}

/** Settings in the form of a Java properties file. Values must not hold backslashes. */
export function propertiesText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
