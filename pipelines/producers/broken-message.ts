import type { SeededRandom } from './seeded-random.ts'

/** What goes wrong between a venue and a topic. */
const breakages: readonly ((payload: string, random: SeededRandom) => Uint8Array | null)[] = [
  // cut off on its way
  (payload, random) => Buffer.from(payload.slice(0, 5 + random.below(payload.length - 6))),
  // bytes that are no UTF-8 in the place of the symbol
  (payload) => Buffer.concat([Buffer.from(payload.slice(0, 30)), Buffer.from([0xff, 0xfe, 0x80])]),
  // a price or a bid that is no number
  (payload) => Buffer.from(payload.replace(/"(price|bid)":[\d.]+/, '"$1":"n/a"')),
  // a price or a bid below zero
  (payload) => Buffer.from(payload.replace(/"(price|bid)":/, '"$1":-')),
  // no symbol
  (payload) => Buffer.from(payload.replace(/"symbol":"[A-Z]+",/, '')),
  // a time that no calendar has
  (payload) =>
    Buffer.from(payload.replace(/"timestamp":"\d{4}-\d{2}-\d{2}/, '"timestamp":"2025-02-30')),
  // nothing at all
  () => Buffer.alloc(0),
  // a tombstone
  () => null,
]

/** The message, broken in one of these ways: each of them is refused, none harms its neighbours. */
export function breakMessage(payload: string, random: SeededRandom): Uint8Array | null {
  return random.pick(breakages)(payload, random)
}
