import { expect, it } from 'vitest'
import { stepsDigest } from '../../../pipelines/loop/steps-digest.ts'
import { stepVersions } from '../../../shared-transforms/transform-steps.ts'

const layersOf = (digest: string) => digest.split(' ')
const withNewer = (changed: string) =>
  stepsDigest(
    stepVersions.map(({ name, version }) => {
      return { name, version: name === changed ? version + 1 : version }
    }),
  )

it.each([
  ['decode-stock-json-trade', [false, true]],
  ['duplicates-quote', [false, true]],
  ['bars-finalize', [true, false]],
  ['frame-bulk', [true, true]],
])('a new version of %s is told by the layers that it makes', (step, isSame) => {
  expect(stepVersions.map(({ name }) => name)).toContain(step)
  const now = layersOf(stepsDigest())
  expect(layersOf(withNewer(step)).map((layer, index) => layer === now[index])).toEqual(isSame)
  expect(now.map((layer) => layer.split(':')[0])).toEqual(['silver', 'gold'])
})
