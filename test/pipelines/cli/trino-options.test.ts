import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../../pipelines/cli/command-context.ts'
import { readEnvironment, type Environment } from '../../../pipelines/cli/environment.ts'
import { trinoAddressOf, type TrinoOptions } from '../../../pipelines/cli/trino-options.ts'
import { createSelfSigned } from '../../support/self-signed-certificate.ts'

const nothing = { url: undefined, user: undefined, password: undefined }

function contextOf(trino: Partial<Environment['trino']>): CommandContext {
  const environment = { ...readEnvironment(), trino: { ...nothing, ...trino } }
  return { environment } as CommandContext
}

const engine = 'trino'

describe('the options for Trino', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-ca-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each<[string, Partial<TrinoOptions>, Partial<Environment['trino']>, object]>([
    ['nothing', {}, {}, { url: 'http://127.0.0.1:8080', user: 'sluice', catalog: 'sluice' }],
    ['the environment', {}, { url: 'http://t:1', user: 'me' }, { url: 'http://t:1', user: 'me' }],
    ['an option', { trino: 'http://o:1' }, { url: 'http://t:1' }, { url: 'http://o:1' }],
    ['a catalog', { trinoCatalog: 'lake' }, {}, { catalog: 'lake' }],
    ['a password', { trino: 'https://o' }, { password: 'x' }, { password: 'x' }],
  ])('take %s', async (_, options, environment, expected) => {
    const address = await trinoAddressOf(contextOf(environment), { engine, ...options })
    expect(address).toMatchObject(expected)
  })

  it('are none for DuckDB, and are refused with it', async () => {
    const context = contextOf({ url: 'http://t:1' })
    expect(await trinoAddressOf(context, { engine: 'duckdb' })).toBeUndefined()
    await expect(trinoAddressOf(context, { engine: 'duckdb', trinoUser: 'me' })).rejects.toThrow(
      'go with --engine trino',
    )
  })

  it('let no password go to a server in the clear', async () => {
    await expect(
      trinoAddressOf(contextOf({ url: 'http://trino.example:8080', password: 'x' }), { engine }),
    ).rejects.toThrow('in the clear')
  })

  it('take the authority of a certificate from a file, and nothing else', async () => {
    const [good, bad] = [join(folder, 'ca.pem'), join(folder, 'none.pem')]
    const { cert } = createSelfSigned()
    await writeFile(good, cert)
    await writeFile(bad, 'nothing')
    const context = contextOf({})
    const address = await trinoAddressOf(context, { engine, trinoCa: good })
    expect(address?.authorities).toBe(cert)
    await expect(trinoAddressOf(context, { engine, trinoCa: bad })).rejects.toThrow(
      'holds no certificate',
    )
    await expect(
      trinoAddressOf(context, { engine, trinoCa: join(folder, 'missing.pem') }),
    ).rejects.toThrow('cannot be read')
  })
})
