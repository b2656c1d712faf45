/** Random numbers that repeat with their seed; for simulations, never for ids of a lake. */
export interface SeededRandom {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, bound). */
  below(bound: number): number
  /** Normally distributed, mean 0, deviation 1. */
  normal(): number
  /** Exponentially distributed with this mean. */
  exponential(mean: number): number
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T
}

/**
 * sfc32 (Chris Doty-Humphrey's small fast counter, 128 bits of state), warmed up by 20 rounds so
 * that seeds beside each other do not begin alike.
 */
export function createSeededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9
  let b = seed >>> 0
  let c = Math.floor(seed / 4_294_967_296) >>> 0
  let counter = 1
  const next32 = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 20; round += 1) next32()
  const next = () => next32() / 4_294_967_296
  return {
    next,
    below: (bound) => Math.floor(next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    exponential: (mean) => -mean * Math.log(1 - next()),
    pick: (list) => list[Math.floor(next() * list.length)] as (typeof list)[number],
  }
}
