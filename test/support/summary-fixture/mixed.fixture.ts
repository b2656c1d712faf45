import { beforeAll, describe, expect, it } from 'vitest'

it('passes', () => {
  expect(1).toBe(1)
})

it('fails', () => {
  expect(1).toBe(2)
})

it.skip('is skipped', () => {
  expect(1).toBe(1)
})

describe('a suite whose hook fails', () => {
  beforeAll(() => {
    throw new Error('the hook failed')
  })

  it('never runs', () => {
    expect(1).toBe(1)
  })
})
