import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import icebergJars from '../../stack/iceberg-java-jars.json' with { type: 'json' }
import { startRestFixture } from '../../stack/iceberg-java.ts'
import { describeWithService } from '../support/service.ts'

describe("the pinned jars of Iceberg's Java side", () => {
  it('are of the version that is announced, and no file is named twice', () => {
    const names = icebergJars.jars.map(({ path }) => path.split('/').at(-1))
    const { version } = icebergJars
    for (const name of ['iceberg-core', 'iceberg-api']) {
      expect(names).toContain(`${name}-${version}.jar`)
      expect(names).toContain(`${name}-${version}-tests.jar`)
    }
    // They are kept in one folder, so that a name alone must tell them apart.
    expect(new Set(names).size).toBe(names.length)
    expect(icebergJars.jars.filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256))).toEqual([])
  })
})

await describeWithService('iceberg-java', 'the reference REST catalog', () => {
  it('starts on a free port, serves its warehouse, and is gone when it is stopped; again on that port', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-fixture-test-'))
    try {
      const fixture = await startRestFixture({ warehouse: `file://${folder}` })
      const config = await fetch(`${fixture.uri}/v1/config`)
      expect(await config.json()).toMatchObject({ overrides: { 'namespace-separator': '%2E' } })
      const made = await fetch(`${fixture.uri}/v1/namespaces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"namespace":["market"]}',
      })
      expect(made.status).toBe(200)
      await fixture.stop()
      await fixture.stop()
      await expect(fetch(`${fixture.uri}/v1/config`)).rejects.toThrow()
      const port = Number(new URL(fixture.uri).port)
      const again = await startRestFixture({ warehouse: `file://${folder}`, port })
      expect(again.uri).toBe(fixture.uri)
      const namespaces = await fetch(`${again.uri}/v1/namespaces`)
      expect(await namespaces.json()).toMatchObject({ namespaces: [] })
      await again.stop()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
