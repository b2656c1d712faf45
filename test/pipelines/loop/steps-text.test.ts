import { expect, it } from 'vitest'
import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import { areSameSteps, stepLayers, stepsText } from '../../../pipelines/loop/steps-text.ts'
import { listStepVersions } from '../../../shared-transforms/transform-steps.ts'

const builtIn = { model: builtInModel }
const { kinds } = builtInModel

const withNewer = (changed: string) =>
  stepsText(
    builtIn,
    stepLayers,
    listStepVersions(builtInModel).map(({ name, version }) => {
      return { name, version: name === changed ? version + 1 : version }
    }),
  )

it.each([
  ['decode-stock-json-trade', { trade: false, quote: true, gold: true }],
  ['duplicates-quote', { trade: true, quote: false, gold: true }],
  ['route-stock-json', { trade: false, quote: false, gold: true }],
  ['bars-finalize', { trade: true, quote: true, gold: false }],
  ['frame-bulk', { trade: true, quote: true, gold: true }],
])('a new version of %s is told by the layers and kinds that it makes', (step, isSame) => {
  expect(listStepVersions(builtInModel).map(({ name }) => name)).toContain(step)
  const [now, newer] = [stepsText(builtIn), withNewer(step)]
  expect({
    trade: areSameSteps(now, newer, 'silver', 'trade', kinds),
    quote: areSameSteps(now, newer, 'silver', 'quote', kinds),
    gold: areSameSteps(now, newer, 'gold', 'trade', kinds),
  }).toEqual(isSame)
})

it('a format or a kind that comes new makes nothing stale that was there', () => {
  const before = stepsText(builtIn, stepLayers, [{ name: 'route-old', version: 3 }])
  const after = stepsText(builtIn, stepLayers, [
    { name: 'decode-new-trade', version: 1 },
    { name: 'route-old', version: 3 },
  ])
  expect(areSameSteps(before, after, 'silver', 'trade', kinds)).toBe(true)
})

it('a text that says nothing of a layer is the same as none', () => {
  const gold = stepsText(builtIn, ['gold'])
  expect(areSameSteps(gold, gold, 'silver', 'trade', kinds)).toBe(false)
  expect(areSameSteps(gold, stepsText(builtIn), 'gold', 'trade', kinds)).toBe(true)
})
