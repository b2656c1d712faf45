import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { checkPorts } from '../../stack/check-ports.ts'
import { freePorts } from '../../stack/free-ports.ts'

it('names the port that is taken, who wanted it, and what was not done', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const [free = 0] = await freePorts(1)
  const failure = checkPorts('Kafka 4', [free, port])
  await expect(failure).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken, and Kafka 4 needs it`)
  await expect(failure).rejects.toThrow('It was not started')
  await new Promise((resolve) => server.close(resolve))
  await expect(checkPorts('Kafka 4', [free, port])).resolves.toBeUndefined()
})
