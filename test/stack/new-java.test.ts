import { mkdtemp, rm, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findNewJava } from '../../stack/new-java.ts'

describe('findNewJava', () => {
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sluice-java-'))
    vi.stubEnv('JAVA25_HOME', home)
    vi.stubEnv('JAVA_HOME', '')
    vi.stubEnv('PATH', '/usr/bin/no-such-folder:/bin-of-nobody')
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(home, { recursive: true, force: true })
  })

  /** A program that answers as a Java of this version with these modules would. */
  async function fakeJava(version: string, modules: string): Promise<string> {
    const java = join(home, 'bin', 'java')
    await mkdir(join(home, 'bin'))
    const script =
      `#!/bin/sh\nif [ "$1" = -version ]; then echo 'openjdk version "${version}"' >&2\n` +
      `else echo '${modules}'; fi\n`
    await writeFile(java, script, { mode: 0o755 })
    return java
  }

  it('takes the one that JAVA25_HOME names', async () => {
    const java = await fakeJava('25.0.2', 'jdk.incubator.vector@25.0.2')
    expect(await findNewJava()).toBe(java)
  })

  it('refuses an older one, and one that was trimmed, and says which', async () => {
    const java = await fakeJava('17.0.15', 'jdk.incubator.vector@17')
    await expect(findNewJava()).rejects.toThrow(`${java} is Java 17`)
    await rm(join(home, 'bin'), { recursive: true })
    await fakeJava('25.0.2', 'java.base@25.0.2')
    await expect(findNewJava()).rejects.toThrow('has no module jdk.incubator.vector')
  })
})
