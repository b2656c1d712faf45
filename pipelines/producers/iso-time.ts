/** `2025-01-15T10:30:00.000001Z`, always with six digits; for times from 1970 to 9999. */
export function isoTimeUs(timeUs: bigint): string {
  const milliseconds = new Date(Number(timeUs / 1000n)).toISOString().slice(0, -1)
  return `${milliseconds}${String(timeUs % 1000n).padStart(3, '0')}Z`
}
