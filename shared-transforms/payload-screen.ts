import type { Dialect } from './dialect.ts'
import type { RejectReason } from './reject-reason.ts'

const reason = (name: RejectReason): string => `'${name}'`

/** White space as JSON has it. */
const BLANK = '^[ \\t\\r\\n]*\\z'

/**
 * Why a payload is refused before its format looks at it; null where the format may. Looks at
 * `payload` and `payload_encoding`. Base64 of a first byte 0 begins with A and one of A-P.
 */
export function screenSql(dialect: Dialect): string {
  const { character, matches } = dialect
  return (
    `CASE WHEN payload IS NULL THEN ${reason('tombstone')} ` +
    `WHEN payload_encoding <> 'utf-8' THEN ` +
    `CASE WHEN ${matches('payload', '^A[A-P]')} THEN ${reason('schema-registry-framed')} ` +
    `WHEN ${matches('payload', '^(?:T2JqA|wwE)')} THEN ${reason('avro-framed')} ` +
    `WHEN payload = '' THEN ${reason('empty-payload')} ELSE ${reason('not-utf8')} END ` +
    // Most payloads begin with { or a digit: two cheap comparisons let them pass.
    `WHEN (payload >= '!' AND payload < 'O') OR (payload >= '{' AND payload < '|') THEN NULL ` +
    `WHEN ${matches('payload', BLANK)} THEN ${reason('empty-payload')} ` +
    `WHEN substr(payload, 1, 1) = ${character(0)} THEN ${reason('schema-registry-framed')} ` +
    `WHEN substr(payload, 1, 4) = 'Obj' || ${character(1)} THEN ${reason('avro-framed')} END`
  )
}
