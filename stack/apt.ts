import { existsSync } from 'node:fs'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/**
 * Installs Debian packages, as a fresh machine needs them. Throws ServiceMissing, naming the
 * command that a person would run, where this process is not root or apt-get is not there.
 */
export async function aptInstall(packages: readonly string[], wanted: string): Promise<void> {
  const byHand = `apt-get install -y ${packages.join(' ')}`
  if (!existsSync('/usr/bin/apt-get')) {
    throw new ServiceMissing(`${wanted} was not found, and this machine has no apt-get`)
  }
  if (process.getuid?.() !== 0) {
    throw new ServiceMissing(`${wanted} was not found; as root run: ${byHand}`)
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  try {
    await runCommand('apt-get', ['update', '-q'], { env })
    const args = ['install', '-y', '-q', '--no-install-recommends', ...packages]
    await runCommand('apt-get', args, { env })
  } catch (error) {
    throw new ServiceMissing(`${wanted} was not found, and "${byHand}" failed`, error)
  }
}
