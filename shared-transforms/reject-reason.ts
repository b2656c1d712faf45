/** Why a message, or one of its rows, was refused. The list is closed. */
export const rejectReasons = [
  /** A Kafka tombstone: the payload is null. */
  'tombstone',
  /** No bytes, or white space only. */
  'empty-payload',
  /** Magic byte 0 and a schema id: written by a schema registry's serializer. */
  'schema-registry-framed',
  /** An Avro container file or an Avro single object. */
  'avro-framed',
  /** The bytes are no UTF-8. */
  'not-utf8',
  /** No valid JSON: also NaN, Infinity, commas before a closing bracket, lone surrogates. */
  'bad-json',
  /** Valid JSON, but no object. */
  'not-an-object',
  /** Nothing in the message says what it is. */
  'unknown-kind',
  /** A line that has not the columns of its format. */
  'bad-line',
  /** The file's name does not say the symbol, or the day where its lines do not. */
  'bad-entry-name',
  /** A field that every message of the kind has is missing, null or empty. */
  'missing-field',
  /** A name or an id that is no plain text of at most 128 characters. */
  'bad-text',
  /** No number: `-?\d+(\.\d+)?([eE][+-]?\d+)?`. */
  'bad-number',
  /** No time, no zone, or not within 1970 <= t < 2200. */
  'bad-time',
  /** The event time is the receive time, and that is unknown. */
  'missing-receive-time',
  /** Price not in (0, 1e9), quantity not in [0, 1e15), or price x quantity not below 1e14. */
  'out-of-range',
  /**
   * A kline that no market can make: high below low, open or close outside of them, more bought
   * than traded, or a length or a start that is not its step's.
   */
  'bad-bar',
  /** Later than the receive time, or else the ingest time, by more than 60 s. */
  'event-time-in-future',
  /** Silver holds a row of the same identity with other content. */
  'conflicting-duplicate',
  /** The engine failed on this message alone. */
  'engine-error',
] as const

export type RejectReason = (typeof rejectReasons)[number]
