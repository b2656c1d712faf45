import type { BatchLimits } from '../sources/source.ts'

/**
 * Large batches: a backfill is about throughput, and memory bounds them. The engine hands out rows
 * of its tables by groups of 122,880: with one group one thread works, and another waits for it
 * in circles.
 */
export const backfillLimits: BatchLimits = {
  rows: 245_760,
  bytes: 64 * 1024 * 1024,
  timeMs: 60_000,
}

/** What is framed at once for Trino becomes one file, and it likes large ones. */
export const trinoBackfillLimits: BatchLimits = {
  rows: 500_000,
  bytes: 96 * 1024 * 1024,
  timeMs: 60_000,
}

/** Beside a stream a cut is small: the stream waits while it is derived the second time. */
export const besideLimits: BatchLimits = {
  rows: 40_000,
  bytes: 16 * 1024 * 1024,
  timeMs: 60_000,
}
