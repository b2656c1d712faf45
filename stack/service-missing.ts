/**
 * A native service cannot be had on this machine: no Java, no network, no rights. The message is
 * the reason and the way out. Test suites that need the service are then switched off, loudly.
 */
export class ServiceMissing extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ServiceMissing'
  }
}
