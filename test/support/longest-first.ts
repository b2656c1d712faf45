import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take minutes, in the order of their time. Begun last they would keep one worker busy
 * when the other has nothing left; and a fresh clone has no record of earlier times.
 */
export const longFiles = [
  'test/pipelines/loop/growth.test.ts',
  'test/pipelines/loop/law.test.ts',
  'test/pipelines/loop/loop-growth.test.ts',
  'test/e2e/stack-proof.test.ts',
  'test/e2e/trino-backfill.test.ts',
  'test/e2e/readme.test.ts',
] as const

/** Vitest's own order, and within each project the long files first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const rank = ({ moduleId }: TestSpecification) => {
      const place = (longFiles as readonly string[]).indexOf(relative(root, moduleId))
      return place === -1 ? longFiles.length : place
    }
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => group(a) - group(b) || rank(a) - rank(b))
  }
}
