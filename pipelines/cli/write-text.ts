import { once } from 'node:events'

/**
 * Writes text or bytes piece by piece, as fast as the reader takes it and no faster. Ends early, and asks
 * for no more pieces, where the signal says that the reader is gone.
 */
export async function writeText(
  output: NodeJS.WritableStream,
  pieces: AsyncIterable<string | Uint8Array>,
  readerGone: AbortSignal,
): Promise<void> {
  for await (const piece of pieces) {
    if (!output.write(piece)) await drained(output, readerGone)
    if (readerGone.aborted) return
  }
}

async function drained(output: NodeJS.WritableStream, readerGone: AbortSignal): Promise<void> {
  try {
    await once(output, 'drain', { signal: readerGone })
  } catch (error) {
    // A stream that nobody reads never drains; its error may come here first.
    const isGone = readerGone.aborted || (error as NodeJS.ErrnoException).code === 'EPIPE'
    if (!isGone) throw error
  }
}
