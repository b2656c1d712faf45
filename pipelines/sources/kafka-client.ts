import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Kafka, LogEntry } from 'kafkajs'
import kafkajs from 'kafkajs'
import type { KafkaSasl, KafkaTls } from './kafka-security.ts'
import { securityConfig } from './kafka-security.ts'
import type { Logger } from './logger.ts'

export interface KafkaConnection {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Plain text where absent. */
  readonly tls?: KafkaTls
  /** Nobody in particular where absent. */
  readonly sasl?: KafkaSasl
}

/** A kafkajs client whose sockets can be ended for good. */
export interface KafkaClient {
  readonly kafka: Kafka
  /**
   * Destroys all sockets and every later one. kafkajs may go on with a join that it had begun when
   * it was told to disconnect, which keeps the process alive; without sockets it has to give up.
   */
  destroy(): void
}

/**
 * A client of the given brokers that logs through `logger`. It does not connect by itself.
 * @throws SluiceError `invalid-input` where a PEM file of the connection cannot be used.
 */
export function createKafkaClient(options: {
  readonly connection: KafkaConnection
  readonly logger: Logger
  /** Tries of one request, with growing waits of 0.1 to 2 s between them. */
  readonly retries?: number
}): KafkaClient {
  const sockets = new Set<Socket>()
  let isDestroyed = false
  const { connection, logger } = options
  const kafka = new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    ...securityConfig(connection),
    connectionTimeout: 5000,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => {
      // What sockets say of their own end is no news once it was asked for.
      if (!isDestroyed) logEntry(logger, entry)
    },
    // A crashed consumer is started again by its owner: the timer of kafkajs outlives a disconnect.
    retry: {
      retries: options.retries ?? 5,
      initialRetryTime: 100,
      maxRetryTime: 2000,
      restartOnFailure: () => Promise.resolve(false),
    },
    socketFactory: ({ host, port, ssl, onConnect }) => {
      // An address is no name that TLS may ask for.
      const name = isIP(host) === 0 ? { servername: host } : {}
      const isSecure = connection.tls !== undefined
      const socket = isSecure
        ? connectTls({ host, port, ...name, ...ssl }, onConnect)
        : connect({ host, port }, onConnect)
      socket.setKeepAlive(true, 60_000)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      if (isDestroyed) socket.destroy(new Error('the client was closed'))
      return socket
    },
  })
  return {
    kafka,
    destroy: () => {
      isDestroyed = true
      // With an error: kafkajs hears nothing of a silent close and waits for its request's time.
      for (const socket of sockets) socket.destroy(new Error('the client was closed'))
    },
  }
}

/** kafkajs warns so of each idempotent producer whose tries are bounded, as all of ours are. */
const BOUNDED_TRIES = 'Limiting retries for the idempotent producer'

/**
 * kafkajs says ERROR also of what it is about to try again, so nothing of it is an error here: what
 * really ends a reader is thrown by the source. Its INFO is chatter, and so are its stacks.
 */
function logEntry(logger: Logger, entry: LogEntry): void {
  const { message, timestamp: _time, logger: _name, stack, ...fields } = entry.log
  const text = `kafka: ${message}`
  if (stack !== undefined) logger.debug({ stack }, text)
  if (message.startsWith(BOUNDED_TRIES)) logger.debug(fields, text)
  else if (entry.level === kafkajs.logLevel.ERROR) logger.warn(fields, text)
  else if (entry.level === kafkajs.logLevel.WARN) logger.info(fields, text)
  else logger.debug(fields, text)
}
