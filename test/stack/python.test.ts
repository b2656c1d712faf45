import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PYICEBERG_VERSION } from '../../stack/python.ts'
import { runPython } from '../support/pyiceberg.ts'
import { describeWithService } from '../support/service.ts'

const script = fileURLToPath(new URL('../support/pyiceberg-version.py', import.meta.url))

await describeWithService('pyiceberg', 'the Python of tests', () => {
  it('has the pinned PyIceberg and hands over arguments', async () => {
    const { stdout } = await runPython(script, ['a b', 'ä'])
    expect(stdout).toBe(`${PYICEBERG_VERSION} a b ä\n`)
  })

  it('fails with what the script printed', async () => {
    await expect(runPython(`${script}.missing`, [])).rejects.toThrow("can't open file")
  })
})
