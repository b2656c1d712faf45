/** A number with two decimals, for facts that nobody needs to the last digit. */
export function hundredths(value: number): number {
  return Number(value.toFixed(2))
}
