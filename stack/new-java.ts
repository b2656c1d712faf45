import { readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { javaMajorOf } from './java.ts'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/** Trino's least; its images run on 25. */
export const NEW_JAVA_MAJOR_MIN = 24

/** Not in every build of Java: trimmed run times leave it out, and Trino does not start then. */
const NEEDED_MODULE = 'jdk.incubator.vector'

/**
 * Path of a `java` of version 24 or newer with the vector module: JAVA25_HOME, JAVA_HOME, PATH, or
 * a neighbour of the default Java, as Debian lays several of them into one folder. No package
 * registry that this project uses has such a Java, so it is never installed. Throws ServiceMissing
 * with the reason.
 */
export async function findNewJava(): Promise<string> {
  const reasons: string[] = []
  for (const java of await candidates()) {
    const reason = await unfitness(java)
    if (reason === undefined) return java
    reasons.push(`${java} ${reason}`)
  }
  throw new ServiceMissing(
    `Java ${NEW_JAVA_MAJOR_MIN} or newer was not found; install one (https://adoptium.net, Temurin ` +
      `25) and set JAVA25_HOME to its folder (${reasons.join('; ')})`,
  )
}

async function candidates(): Promise<string[]> {
  const homes = [process.env['JAVA25_HOME'], process.env['JAVA_HOME']]
  const named = homes.filter((home) => home !== undefined && home !== '') as string[]
  const neighbours = await neighbourHomes()
  return [
    ...named.map((home) => join(home, 'bin', 'java')),
    'java',
    ...neighbours.map((home) => join(home, 'bin', 'java')),
  ]
}

/** The homes beside the default Java's, newest name first; none where there is no default. */
async function neighbourHomes(): Promise<string[]> {
  try {
    const { stdout } = await runCommand('which', ['java'], { timeoutMs: 30_000 })
    const parent = dirname(dirname(dirname(await realpath(stdout.trim()))))
    const names = await readdir(parent)
    return names
      .sort()
      .reverse()
      .map((name) => join(parent, name))
  } catch {
    return []
  }
}

async function unfitness(java: string): Promise<string | undefined> {
  const major = await javaMajorOf(java)
  if (major === undefined) return 'does not run'
  if (major < NEW_JAVA_MAJOR_MIN) return `is Java ${major}`
  const { stdout } = await runCommand(java, ['--list-modules'], { timeoutMs: 30_000 })
  return stdout.includes(NEEDED_MODULE) ? undefined : `has no module ${NEEDED_MODULE}`
}
