/** Lowest and highest value of each field: minute, hour, day of the month, month, weekday. */
const FIELD_RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

/**
 * Whether a text is a cron schedule of five fields of numbers, lists, ranges and steps. The package
 * that keeps schedules is not loaded for it: every command that reads a config would pay.
 */
export function isCronText(text: string): boolean {
  const fields = text.trim().split(/\s+/)
  return (
    fields.length === FIELD_RANGES.length &&
    FIELD_RANGES.every(([low, high], index) =>
      (fields[index] ?? '').split(',').every((one) => isCronPiece(one, low, high)),
    )
  )
}

function isCronPiece(piece: string, low: number, high: number): boolean {
  const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(piece)
  if (match === null) return false
  const [first, last] = [Number(match[1] ?? low), Number(match[2] ?? match[1] ?? high)]
  return first >= low && last <= high && first <= last && match[3] !== '0'
}
