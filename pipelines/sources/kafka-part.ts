import type { SourcePart } from './source.ts'

/**
 * The part of a topic's partition. A topic that was made again, or whose log was cut off, counts
 * its offsets anew: from the day that its loss is accepted it is read as `kafka:<topic>@2`, later
 * `@3`, so that no offset of a part ever means two messages. No topic has an @ in its name.
 */
export function kafkaPart(topic: string, partition: number, incarnation = 1): SourcePart {
  const suffix = incarnation === 1 ? '' : `@${incarnation}`
  return { source: `kafka:${topic}${suffix}`, partition }
}

/** The topic of a part's source. */
export function topicOf(source: string): string {
  return source.slice('kafka:'.length).replace(/@\d+$/, '')
}

/** The newest one that the lake knows of a topic, 1 where it knows none. */
export function incarnationOf(topic: string, positions: ReadonlyMap<string, bigint>): number {
  let newest = 1
  for (const key of positions.keys()) {
    const prefix = `kafka:${topic}@`
    if (key.startsWith(prefix)) newest = Math.max(newest, Number.parseInt(key.slice(prefix.length)))
  }
  return newest
}
