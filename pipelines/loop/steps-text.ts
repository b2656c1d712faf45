import type { Kind } from '../../shared-transforms/kind.ts'
import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { listStepVersions, type StepVersion } from '../../shared-transforms/transform-steps.ts'

/** What a replay can derive anew. */
export const stepLayers = ['silver', 'gold'] as const
export type StepLayer = (typeof stepLayers)[number]

const GOLD_STEP = /^(bars|spreads|gold)-/
const BRONZE_STEP = /^(frame|bronze)-/

/**
 * By which versions of the steps layers are made: `silver[decode-stock-json-trade@2] gold[]`. A step
 * that is not named has version 1, so that a format or a kind that is new makes nothing stale.
 */
export function stepsText(
  { model }: HasModel,
  layers: readonly StepLayer[] = stepLayers,
  versions: readonly StepVersion[] = listStepVersions(model),
): string {
  const changed = versions.filter(({ name, version }) => version > 1 && !BRONZE_STEP.test(name))
  return layers
    .map((layer) => {
      const own = changed.filter(({ name }) => GOLD_STEP.test(name) === (layer === 'gold'))
      return `${layer}[${own.map(({ name, version }) => `${name}@${version}`).join(' ')}]`
    })
    .join(' ')
}

/** Whether a text of steps says anything of a layer. */
export function tellsLayer(text: string, layer: StepLayer): boolean {
  return namedSteps(text, layer) !== undefined
}

/**
 * Whether two texts name the same versions of the steps that make rows of a kind in a layer. False
 * where one of them says nothing of the layer.
 * @param kinds all that the lake has
 */
export function areSameSteps(
  one: string,
  other: string,
  layer: StepLayer,
  kind: Kind,
  kinds: readonly Kind[],
): boolean {
  const [mine, theirs] = [one, other].map((text) =>
    namedSteps(text, layer)
      ?.filter((step) => makesKind(step, kind, kinds))
      .sort()
      .join(' '),
  )
  return mine !== undefined && mine === theirs
}

function namedSteps(text: string, layer: StepLayer): string[] | undefined {
  const found = new RegExp(`(?:^| )${layer}\\[([^\\]]*)\\]`).exec(text)?.[1]
  return found?.split(' ').filter((step) => step !== '')
}

/** Steps are named by their kind at the end where they make one kind alone. */
function makesKind(step: string, kind: Kind, kinds: readonly Kind[]): boolean {
  const name = step.slice(0, step.lastIndexOf('@'))
  return kinds.every((other) => other === kind || !name.endsWith(`-${other}`))
}
