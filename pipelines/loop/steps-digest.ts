import { createHash } from 'node:crypto'
import { stepVersions } from '../../shared-transforms/transform-steps.ts'

const GOLD_STEP = /^(bars|spreads)-/
const BRONZE_STEP = /^(frame|bronze)-/

/**
 * By which versions of the steps a cut was made, in one short text a layer (`silver:0f3a… gold:…`):
 * equal texts, equal steps. A step's version goes up with every change that can change a row.
 */
export function stepsDigest(versions: typeof stepVersions = stepVersions): string {
  const layers = {
    silver: versions.filter(({ name }) => !GOLD_STEP.test(name) && !BRONZE_STEP.test(name)),
    gold: versions.filter(({ name }) => GOLD_STEP.test(name)),
  }
  return Object.entries(layers)
    .map(([layer, steps]) => {
      const text = steps.map(({ name, version }) => `${name}@${version}`).sort()
      const digest = createHash('sha256').update(text.join('\n')).digest('hex')
      return `${layer}:${digest.slice(0, 12)}`
    })
    .join(' ')
}
