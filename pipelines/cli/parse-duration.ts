import { InvalidArgumentError } from 'commander'
import { SluiceError } from '../../tables/errors.ts'

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * A duration in milliseconds from text such as `500ms`, `20s`, `1.5m`, `2h`, `1d`.
 * @throws SluiceError `invalid-input`
 */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text.trim())
  const unitMs = unitsMs[match?.[2] ?? '']
  if (match === null || unitMs === undefined) {
    throw new SluiceError(
      'invalid-input',
      `'${text}' is no duration. Give a number and a unit (ms, s, m, h, d), as in 20s or 1.5m.`,
    )
  }
  return Math.round(Number(match[1]) * unitMs)
}

/** The same as the parser of a command's option. */
export function durationOption(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SluiceError ? error.message : String(error))
  }
}
