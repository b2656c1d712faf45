import type { BenchmarkContext } from './benchmark.ts'
import type { BenchStore } from './bench-stores.ts'

type Report = BenchmarkContext['report']

/**
 * Reports of the same work in several stores. Results carry the store's name, and those of a later
 * store have that of the first one as their peer, or among their facts where they have a peer.
 */
export function besideFirst(
  report: Report,
  stores: readonly BenchStore[],
): (store: BenchStore) => Report {
  const values = new Map<string, number>()
  const [first] = stores
  return (store) => (measurement) => {
    const { name, value, peer, facts } = measurement
    if (first === undefined || stores.length === 1) {
      report(
        first?.name === 'local disk' ? measurement : { ...measurement, name: nameAt(store, name) },
      )
      return
    }
    const before = store === first ? undefined : values.get(name)
    if (store === first) values.set(name, value)
    const beside =
      before === undefined
        ? {}
        : peer === undefined
          ? { peer: { name: first.name, value: before } }
          : { facts: { ...facts, [first.name]: before } }
    report({ ...measurement, name: nameAt(store, name), ...beside })
  }
}

function nameAt({ name: store }: BenchStore, what: string): string {
  return `${store}: ${what}`
}
