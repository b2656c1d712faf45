import type { Session } from '../engine/engine.ts'
import { SluiceError } from '../errors.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { snapshotAtTime, snapshotAtVersion } from './choose-snapshot.ts'
import type { SnapshotChoice } from './choose-snapshot.ts'
import { expressionText } from './expression-text.ts'
import { isNode, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** The snapshot that `AT (VERSION => …)` or `AT (TIMESTAMP => …)` means for a table. */
export async function readAtClause(
  session: Session,
  table: string,
  metadata: TableMetadata,
  at: SyntaxNode,
): Promise<SnapshotChoice> {
  const unit = textOf(at, 'unit').toUpperCase()
  const text = isNode(at.expr) ? await expressionText(session, at.expr) : 'NULL'
  if (unit === 'VERSION') {
    return snapshotAtVersion(table, metadata, await evaluate(session, `CAST((${text}) AS VARCHAR)`))
  }
  if (unit === 'TIMESTAMP') {
    const us = await evaluate(session, `epoch_us(CAST((${text}) AS TIMESTAMPTZ))`)
    return snapshotAtTime(table, metadata, BigInt(us))
  }
  throw new SluiceError(
    'invalid-input',
    `AT (${unit} => …) is not known. Nothing was read. Write AT (VERSION => id) or ` +
      "AT (TIMESTAMP => '2026-11-20T14:30:00Z').",
  )
}

/** No table is in sight of the expression: it is the same for every row. */
async function evaluate(session: Session, expression: string): Promise<string> {
  const [row] = await session.rows<{ value: bigint | string | null }>(
    `SELECT ${expression} AS value`,
  )
  if (row === undefined || row.value === null) {
    throw new SluiceError('invalid-input', 'AT names no version or time. Nothing was read.')
  }
  return String(row.value)
}
