import { once } from 'node:events'

/** Writes text piece by piece, as fast as the reader takes it and no faster. */
export async function writeText(
  output: NodeJS.WritableStream,
  pieces: AsyncIterable<string>,
): Promise<void> {
  for await (const piece of pieces) {
    if (!output.write(piece)) await once(output, 'drain')
  }
}
