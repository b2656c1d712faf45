/**
 * The smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank, so
 * always one of the values). NaN for no values.
 */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort()
  const rank = Math.max(1, Math.ceil(share * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}
