import { expect, it } from 'vitest'
import { describeWithService } from '../service.ts'

await describeWithService('data', 'a suite that reads recorded data', () => {
  it('reads', () => {
    expect(1).toBe(1)
  })
})
