import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startRestFixture } from '../../stack/iceberg-java.ts'
import { describeWithService } from '../support/service.ts'

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
