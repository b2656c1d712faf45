import { partKey, type PartProgress } from './source.ts'

/** One step a part out of two: from where the first began to where the second ended. */
export function foldProgress(
  first: readonly PartProgress[],
  second: readonly PartProgress[],
): readonly PartProgress[] {
  const folded = new Map(first.map((moved) => [partKey(moved.part), moved]))
  for (const moved of second) {
    const key = partKey(moved.part)
    const before = folded.get(key)
    folded.set(key, {
      ...moved,
      startOffset: before?.startOffset ?? moved.startOffset,
      messageCount: (before?.messageCount ?? 0) + moved.messageCount,
    })
  }
  return [...folded.values()]
}
