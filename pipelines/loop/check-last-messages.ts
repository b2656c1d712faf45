import { sqlString } from '../../tables/engine/sql-text.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { LastMessage, SourcePart } from '../sources/source.ts'
import { isSameContent } from '../sources/source.ts'
import { headOf, planHead, planRelation, type LoopContext } from './loop-context.ts'

/**
 * How far before the end bronze is asked for the last message: the positions of markers of
 * transactions hold none.
 */
const REACH = 64n

interface BronzeRow {
  readonly source_offset: bigint
  readonly message_key: string | null
  readonly payload: string | null
  readonly payload_encoding: string
}

/**
 * Compares the last message that the lake holds of each part with what the source holds there now.
 * Offsets alone do not tell a topic from one of the same name that was made later and is longer.
 * A message that the source no longer holds (retention, compaction) proves nothing and is fine.
 * @throws SluiceError `data-loss` where the source holds another message.
 */
export async function checkLastMessages(context: LoopContext): Promise<void> {
  const { source } = context.options
  if (source.readMessageAt === undefined) return
  for (const state of context.state.parts.values()) {
    const last = await readLastMessage(context, state.part, state.endOffset)
    if (last === undefined) continue
    const message = await source.readMessageAt(state.part, last.offset)
    if (message !== undefined && !isSameContent(last, message)) {
      throw anotherLog(state.part, last.offset)
    }
  }
}

/** Bronze's newest message of a part before an offset, whichever kind it was routed to. */
export async function readLastMessage(
  { options, session, heads }: LoopContext,
  part: SourcePart,
  endOffset: bigint,
): Promise<LastMessage | undefined> {
  const fromOffset = endOffset > REACH ? endOffset - REACH : 0n
  const relations: string[] = []
  for (const kind of options.lake.model.kinds) {
    const plan = await planHead(options.lake, headOf(heads, `bronze.${kind}_messages`), [
      { column: 'source', op: '=', value: part.source },
      { column: 'source_partition', op: '=', value: part.partition },
      { column: 'source_offset', op: '>=', value: fromOffset },
      { column: 'source_offset', op: '<', value: endOffset },
    ])
    if (plan.tasks.length > 0) relations.push(await planRelation(options.lake, plan))
  }
  if (relations.length === 0) return undefined
  const rows = relations.map(
    (relation) =>
      `SELECT source_offset, message_key, payload, payload_encoding FROM ${relation} ` +
      `WHERE source = ${sqlString(part.source)} AND source_partition = ${part.partition} ` +
      `AND source_offset >= ${fromOffset} AND source_offset < ${endOffset}`,
  )
  const [last] = await session.rows<BronzeRow>(
    `${rows.join(' UNION ALL ')} ORDER BY source_offset DESC LIMIT 1`,
  )
  return (
    last && {
      offset: last.source_offset,
      key: last.message_key ?? undefined,
      payload: last.payload ?? undefined,
      payloadEncoding: last.payload_encoding === 'base64' ? 'base64' : 'utf-8',
    }
  )
}

function anotherLog(part: SourcePart, offset: bigint): SluiceError {
  return new SluiceError(
    'data-loss',
    `${part.source} partition ${part.partition} holds another message at offset ${offset} than ` +
      'the lake has read there: the topic was deleted and made again, or its log was changed. ' +
      'Nothing was written. Restore the topic, use a topic of another name for the new data, or ' +
      'accept that the old one ends there: `sluice live --accept-loss`.',
    { context: { source: part.source, partition: part.partition, offset } },
  )
}
