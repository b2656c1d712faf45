import fc from 'fast-check'
import { expect, it } from 'vitest'
import { lagsAfter } from '../../../pipelines/loop/cut-figures.ts'
import { restingProgress } from '../../../pipelines/sources/source.ts'

it('gives a lag to each part of a log, never below zero, and none to a file', () => {
  const offsets = fc.bigInt({ min: 0n, max: 2n ** 40n })
  fc.assert(
    fc.property(offsets, offsets, (endOffset, logEndOffset) => {
      const log = { source: 'kafka:stocks', partition: 3 }
      const file = { source: 'file:abc:12', partition: 0 }
      const progress = [
        { ...restingProgress(log, endOffset), logEndOffset },
        restingProgress(file, endOffset),
      ]
      const offsetCount = Math.max(0, Number(logEndOffset) - Number(endOffset))
      expect(lagsAfter(progress)).toEqual([{ ...log, offsetCount }])
    }),
  )
})
