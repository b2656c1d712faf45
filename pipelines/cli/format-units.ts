/** How numbers and times are written for a person. Times are UTC. */

/** `2025-01-15 10:30:00.123Z` from microseconds since 1970. */
export function formatInstant(timeUs: bigint): string {
  return new Date(Number(timeUs / 1000n)).toISOString().replace('T', ' ')
}

/** `2025-01-15T10:30:00.123456Z`, for programs. */
export function formatIso(timeUs: bigint): string {
  const micros = ((timeUs % 1000n) + 1000n) % 1000n
  const milliseconds = new Date(Number((timeUs - micros) / 1000n)).toISOString()
  return milliseconds.replace('Z', `${String(micros).padStart(3, '0')}Z`)
}

/** `10:30:00` from microseconds since 1970. */
export function formatTimeOfDay(timeUs: bigint): string {
  return formatInstant(timeUs).slice(11, 19)
}

/** `850 ms`, `3.2 s`, `4 min`, `2.5 h`, `3 d`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  if (durationMs < 60_000) return `${(durationMs / 1000).toFixed(1)} s`
  if (durationMs < 3_600_000) return `${Math.round(durationMs / 60_000)} min`
  if (durationMs < 172_800_000) return `${(durationMs / 3_600_000).toFixed(1)} h`
  return `${Math.round(durationMs / 86_400_000)} d`
}

/** `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `812 B`, `4.2 MB`: powers of 1000, as disks are sold. */
export function formatSize(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = sizeBytes
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? ''}`
}
