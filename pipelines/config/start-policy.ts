import type { z } from 'zod'
import type { StartPolicy } from '../sources/kafka-positions.ts'

const timeText = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/**
 * `earliest`, `latest`, a time with its zone (`2026-11-20T09:30:00Z`) or offsets by partition
 * (`{ 0: 1200, 1: 800 }`); anything else is an issue of the config.
 */
export function readStart(written: unknown, context: z.RefinementCtx): StartPolicy {
  const start = typeof written === 'string' ? startOfText(written) : startOfOffsets(written)
  if (start !== undefined) return start
  context.addIssue({
    code: 'custom',
    message:
      'must be earliest, latest, a time with its zone (2026-11-20T09:30:00Z) or offsets by ' +
      'partition ({ 0: 1200, 1: 800 })',
  })
  return 'earliest'
}

function startOfText(text: string): StartPolicy | undefined {
  if (text === 'earliest' || text === 'latest') return text
  const timeMs = timeText.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(timeMs) ? undefined : { timeMs }
}

function startOfOffsets(written: unknown): StartPolicy | undefined {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return undefined
  const offsets = new Map<number, bigint>()
  for (const [partition, offset] of Object.entries(written)) {
    if (!/^\d{1,9}$/.test(partition)) return undefined
    // A number beyond 2^53 has lost digits already: such an offset is written as text.
    const isSafe = typeof offset === 'string' || Number.isSafeInteger(offset)
    if (!isSafe || !/^\d{1,18}$/.test(String(offset))) return undefined
    offsets.set(Number(partition), BigInt(String(offset)))
  }
  return offsets.size === 0 ? undefined : { offsets }
}
