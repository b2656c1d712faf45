import { createServer } from 'node:net'
import { StackError } from './stack-error.ts'

/**
 * Throws StackError where somebody listens on one of these ports of 127.0.0.1, naming each.
 * `title` is whose ports they are, for the message.
 */
export async function checkPorts(title: string, ports: readonly number[]): Promise<void> {
  const taken: number[] = []
  for (const port of ports) if (!(await isFree(port))) taken.push(port)
  if (taken.length === 0) return
  const [first] = taken
  const which = taken.length === 1 ? `Port ${first}` : `Ports ${taken.join(', ')}`
  throw new StackError(
    `${which} of 127.0.0.1 ${taken.length === 1 ? 'is' : 'are'} taken, and ${title} needs ` +
      `${taken.length === 1 ? 'it' : 'them'}. It was not started. Find out who listens ` +
      `(ss -ltnp | grep :${first}) and stop it, or move all ports by SLUICE_STACK_PORT_OFFSET.`,
  )
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(new StackError(`Port ${port} cannot be used: ${error.message}`, error))
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
