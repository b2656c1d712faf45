import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/** Kafka 4 brokers need at least this. */
export const JAVA_MAJOR_MIN = 17

/**
 * Path of a `java` of version 17 or newer: JAVA_HOME, else PATH, else Debian's package where this
 * process is root. Throws ServiceMissing with the reason.
 */
export async function findJava(): Promise<string> {
  const found = await firstUsable()
  if (found !== undefined) return found
  const wanted = `Java ${JAVA_MAJOR_MIN} or newer`
  try {
    await aptInstall([`openjdk-${JAVA_MAJOR_MIN}-jre-headless`], wanted)
  } catch {
    // Later releases of Debian have a later Java only.
    await aptInstall(['default-jre-headless'], wanted)
  }
  const installed = await firstUsable()
  if (installed !== undefined) return installed
  throw new ServiceMissing(`${wanted} was installed, but no java on JAVA_HOME or PATH answers so`)
}

async function firstUsable(): Promise<string | undefined> {
  const home = process.env['JAVA_HOME']
  const candidates = home === undefined || home === '' ? [] : [join(home, 'bin', 'java')]
  for (const java of [...candidates, 'java']) {
    const major = await javaMajorOf(java)
    if (major !== undefined && major >= JAVA_MAJOR_MIN) return java
  }
  return undefined
}

/** Major version of a `java` program; undefined where it does not run. */
export async function javaMajorOf(java: string): Promise<number | undefined> {
  try {
    return parseJavaMajor((await runCommand(java, ['-version'], { timeoutMs: 30_000 })).stderr)
  } catch {
    return undefined
  }
}

/** 17 of `openjdk version "17.0.15" 2025-04-15`; 8 of `java version "1.8.0_292"`. */
export function parseJavaMajor(text: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(text)
  return match?.[1] === undefined ? undefined : Number(match[1])
}
