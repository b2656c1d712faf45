/** The place of each key in a list of values. Shared by all maps that have the same keys. */
export type KeyIndex = ReadonlyMap<number, number>

/** Values by place; an array is one. */
export interface ValueList<Value> {
  at(place: number): Value | undefined
}

/** A map by field id that holds only its values, beside an index that it shares with others. */
export class CompactMap<Value> implements ReadonlyMap<number, Value> {
  readonly #index: KeyIndex
  readonly #list: ValueList<Value>

  constructor(index: KeyIndex, list: ValueList<Value>) {
    this.#index = index
    this.#list = list
  }

  get size(): number {
    return this.#index.size
  }

  get(key: number): Value | undefined {
    const place = this.#index.get(key)
    return place === undefined ? undefined : this.#list.at(place)
  }

  has(key: number): boolean {
    return this.#index.has(key)
  }

  forEach(use: (value: Value, key: number, map: ReadonlyMap<number, Value>) => void): void {
    for (const [key, value] of this.entries()) use(value, key, this)
  }

  keys(): MapIterator<number> {
    return this.#index.keys()
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }

  *entries(): MapIterator<[number, Value]> {
    for (const [key, place] of this.#index) {
      const value = this.#list.at(place)
      if (value !== undefined) yield [key, value]
    }
  }

  [Symbol.iterator](): MapIterator<[number, Value]> {
    return this.entries()
  }
}

/** Byte values that lie one after the other in a buffer which many lists share. */
export class PackedBytes implements ValueList<Uint8Array> {
  readonly #bytes: Uint8Array
  /** Where the first begins, and where each ends. */
  readonly #limits: readonly number[]

  constructor(bytes: Uint8Array, limits: readonly number[]) {
    this.#bytes = bytes
    this.#limits = limits
  }

  at(place: number): Uint8Array | undefined {
    const end = this.#limits[place + 1]
    return end === undefined ? undefined : this.#bytes.subarray(this.#limits[place], end)
  }
}
