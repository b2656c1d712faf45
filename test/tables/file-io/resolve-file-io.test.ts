import { describe, expect, it } from 'vitest'

import { systemClock } from '../../../tables/clock.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { resolveFileIO } from '../../../tables/file-io/resolve-file-io.ts'

describe('resolveFileIO', () => {
  const local = createLocalFileIO()
  const memory = createMemoryFileIO({ scratchDir: '/nowhere', clock: systemClock })

  it('picks the store of the location by its scheme', () => {
    expect(resolveFileIO([local, memory], 'memory://a/b')).toBe(memory)
    expect(resolveFileIO([local, memory], 'file:///a/b')).toBe(local)
  })

  it('refuses a scheme that is not set up, naming the ones that are', () => {
    expect(() => resolveFileIO([local, memory], 's3://a/b')).toThrow(/known: file, memory/)
    expect(() => resolveFileIO([local], '/a/b')).toThrow(/Not a full location/)
  })
})
