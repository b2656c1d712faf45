const MASK = '4294967295'
const C1 = '3432918353'
const C2 = '461845907'

/**
 * 32-bit Murmur3 (x86 variant, seed 0) as SQL, unsigned: the engine has none of its own. All
 * steps are 32-bit steps in 64-bit numbers, cut back after each, so none can overflow.
 * Source: https://iceberg.apache.org/spec/#appendix-b-32-bit-hash-requirements
 */
export function murmur3OfLong(sql: string): string {
  // The two halves of the value as a reader of little-endian bytes meets them.
  const low = `CAST((${sql}) & ${MASK} AS UBIGINT)`
  const high = `CAST(((${sql}) >> 32) & ${MASK} AS UBIGINT)`
  const first = `list_reduce([0::UBIGINT, ${low}, ${high}], ${blockStep()})`
  return finalMix(first, '8')
}

/** The same of bytes, given as upper-case hex text of any length. */
export function murmur3OfHex(hex: string): string {
  const bytes = `(length(h) // 2)`
  // Byte `index` of the text, from 0.
  const byte = (index: string) => `CAST('0x' || substr(h, (${index}) * 2 + 1, 2) AS UBIGINT)`
  const block = [0, 1, 2, 3]
    .map((offset) => `(${byte(`b * 4 + ${offset}`)} << ${offset * 8})`)
    .join(' + ')
  const blocks =
    `list_reduce(list_concat([0::UBIGINT], list_transform(range(${bytes} // 4), ` +
    `lambda b: ${block})), ${blockStep()})`
  const restStart = `(${bytes} - ${bytes} % 4)`
  const rest = [0, 1, 2]
    .map(
      (offset) =>
        `CASE WHEN ${bytes} % 4 > ${offset} ` +
        `THEN ${byte(`${restStart} + ${offset}`)} << ${offset * 8} ELSE 0::UBIGINT END`,
    )
    .join(' + ')
  const hashed = finalMix(`xor(${blocks}, ${scramble(`(${rest})`)})`, bytes)
  // The text is used many times: a list of one binds it to a name.
  return `list_transform([${hex}], lambda h: ${hashed})[1]`
}

function blockStep(): string {
  const mixed = rotateLeft(`xor(hash, ${scramble('block')})`, 13)
  return `lambda hash, block: (${mixed} * 5 + 3864292196) & ${MASK}`
}

function scramble(block: string): string {
  return `((${rotateLeft(`((${block} * ${C1}) & ${MASK})`, 15)} * ${C2}) & ${MASK})`
}

/** Binds its argument, which would else be computed twice at each of many levels. */
function rotateLeft(value: string, bits: number): string {
  return (
    `list_transform([${value}], ` +
    `lambda r${bits}: ((r${bits} << ${bits}) & ${MASK}) | (r${bits} >> ${32 - bits}))[1]`
  )
}

function finalMix(hash: string, length: string): string {
  const steps: readonly (readonly [number, string])[] = [
    [16, '2246822507'],
    [13, '3266489909'],
  ]
  let mixed = `xor(${hash}, CAST(${length} AS UBIGINT))`
  for (const [shift, factor] of steps) {
    mixed = bound(mixed, shift, `((xor(m${shift}, m${shift} >> ${shift})) * ${factor}) & ${MASK}`)
  }
  return bound(mixed, 1, 'xor(m1, m1 >> 16)')
}

function bound(value: string, name: number, body: string): string {
  return `list_transform([${value}], lambda m${name}: ${body})[1]`
}
