/**
 * What stands in the way of the stack: a taken port, a missing variable, an unknown service. The
 * message says what happened, what was not done and what to do next.
 */
export class StackError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StackError'
  }
}
