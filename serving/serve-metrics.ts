import { fastify } from 'fastify'
import { SluiceError } from '../tables/errors.ts'
import type { Metrics } from './metrics.ts'

export interface MetricsServer {
  /** Where the metrics are read. */
  readonly url: string
  close(): Promise<void>
}

export interface MetricsAddress {
  /** 0 takes any free port. */
  readonly port: number
  /** Default: this machine alone. Metrics tell how much is traded, and ask for no password. */
  readonly host?: string
}

const LOOPBACK = '127.0.0.1'

/**
 * Serves `GET /metrics` in Prometheus' text format.
 * @throws SluiceError `storage-unavailable` where the port is taken.
 */
export async function serveMetrics(
  metrics: Metrics,
  { port, host = LOOPBACK }: MetricsAddress,
): Promise<MetricsServer> {
  const app = fastify()
  app.get('/metrics', async (_, reply) => {
    await reply.type(metrics.contentType).send(await metrics.render())
  })
  try {
    const address = await app.listen({ port, host })
    return {
      url: `${address}/metrics`,
      close: async () => {
        await app.close()
      },
    }
  } catch (cause) {
    await app.close()
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw new SluiceError(
      'storage-unavailable',
      `Metrics cannot be served at ${host}:${port} (${reason}). Nothing was started. Name another ` +
        'port by --metrics-port, or leave it out.',
      { cause },
    )
  }
}
