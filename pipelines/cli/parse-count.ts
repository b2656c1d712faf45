import { InvalidArgumentError } from 'commander'

/** A parser of whole numbers from `least` on, for an option or an argument of a command. */
export function countFrom(least: number, most = 1_000_000_000): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (/^\d{1,10}$/.test(text) && count >= least && count <= most) return count
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }
}
