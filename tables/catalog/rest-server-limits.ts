export interface RestLimits {
  /** The largest body that is read. */
  readonly bodyBytesMax: number
  /** Requests of one address in a second; more are answered 429. */
  readonly requestsPerSecondMax: number
  /** How long a client may take to send one request. */
  readonly requestTimeoutMs: number
}

export const defaultRestLimits: RestLimits = {
  /** The updates of a commit with a few thousand snapshots. */
  bodyBytesMax: 32 * 1024 * 1024,
  requestsPerSecondMax: 2_000,
  requestTimeoutMs: 60_000,
}
