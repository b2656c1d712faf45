import { systemClock } from '../../../tables/clock.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { testFileIO } from './file-io-conformance.ts'

testFileIO('memory', (folder) => ({
  fileIO: createMemoryFileIO({ scratchDir: `${folder}/scratch`, clock: systemClock }),
  root: 'memory://lake',
}))
