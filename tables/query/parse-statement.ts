import { parse as parseLossless } from 'lossless-json'
import type { Session } from '../engine/engine.ts'
import { sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import { isNode, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

export interface ParsedStatement {
  /** `EXPLAIN ` with its options as they were written, else empty. */
  readonly prefix: string
  /** The text of the SELECT itself. */
  readonly text: string
  /** Root of its tree, as `json_deserialize_sql` takes it back. */
  readonly tree: SyntaxNode
}

const ALLOWED = 'SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES and EXPLAIN of these'

/**
 * Parses one statement that reads. The engine's own parser decides what is a SELECT, so that no
 * comment, quote or second statement can say something else to us than to it. Throws
 * `invalid-input` with the reason for everything else.
 */
export async function parseStatement(session: Session, sql: string): Promise<ParsedStatement> {
  const explained = explainForms(sql)
  if (explained === undefined) {
    return { prefix: '', text: sql, tree: selectTree(await serialize(session, sql), sql) }
  }
  let last: Serialized | undefined
  for (const form of explained) {
    last = await serialize(session, form.text)
    if (last.tree !== undefined) return { ...form, tree: selectTree(last, sql) }
  }
  throw refusal(last, sql)
}

interface Serialized {
  readonly tree: SyntaxNode | undefined
  readonly reason: string
  readonly isSyntaxError: boolean
}

async function serialize(session: Session, sql: string): Promise<Serialized> {
  const [row] = await serialized(session, sql)
  const tree = readTree(row?.tree ?? '')
  if (tree.error === false) return { tree, reason: '', isSyntaxError: false }
  return {
    tree: undefined,
    reason: textOf(tree, 'error_message'),
    isSyntaxError: tree.error_type === 'parser',
  }
}

/**
 * A literal in the text takes the engine half of the time that a bound value does. A text with a
 * zero character, at which a statement ends, is bound.
 */
function serialized(session: Session, sql: string): Promise<{ readonly tree: string }[]> {
  return sql.includes('\0')
    ? session.rows('SELECT json_serialize_sql(CAST($1 AS VARCHAR)) AS tree', [sql])
    : session.rows(`SELECT json_serialize_sql(${sqlString(sql)}) AS tree`)
}

/** The tree of a text, undefined where it is no SELECT. */
export async function parseTree(session: Session, sql: string): Promise<SyntaxNode | undefined> {
  return (await serialize(session, sql)).tree
}

function readTree(text: string): SyntaxNode {
  try {
    // Numbers stay the texts that they are: the engine tells 1e17 from 100000000000000000.
    const tree = parseLossless(text)
    if (isNode(tree)) return tree
  } catch (cause) {
    // The engine writes an infinite number as a bare word, which no JSON parser takes.
    throw new SluiceError(
      'invalid-input',
      'The statement holds a number that is too large for a double. Nothing was run. ' +
        "Write it in quotes: 'inf'::DOUBLE.",
      { cause },
    )
  }
  throw new SluiceError('invalid-input', 'The statement cannot be parsed. Nothing was run.')
}

function selectTree(serialized: Serialized, sql: string): SyntaxNode {
  const { tree } = serialized
  if (tree === undefined) throw refusal(serialized, sql)
  const count = Array.isArray(tree.statements) ? tree.statements.length : 0
  if (count === 1) return tree
  throw new SluiceError(
    'invalid-input',
    `The text holds ${count} statements; exactly one is run at a time. Nothing was run.`,
  )
}

function refusal(serialized: Serialized | undefined, sql: string): SluiceError {
  if (serialized?.isSyntaxError === true) {
    return new SluiceError(
      'invalid-input',
      `The statement cannot be parsed: ${serialized.reason}. Nothing was run.`,
    )
  }
  const word = /^[A-Za-z]+/.exec(skipBlank(sql))?.[0]?.toUpperCase()
  const what = word === undefined ? 'The statement' : `A statement with ${word}`
  return new SluiceError(
    'invalid-input',
    `${what} is refused: the lake can only be read here, by one of ${ALLOWED}. Nothing was run. ` +
      'Tables are changed by the pipelines alone.',
  )
}

/** The ways in which a text may be EXPLAIN of a statement; undefined where it is none. */
function explainForms(
  sql: string,
): readonly { readonly prefix: string; readonly text: string }[] | undefined {
  const start = skipBlank(sql)
  const keyword = /^explain(?![A-Za-z0-9_])/i.exec(start)
  if (keyword === null) return undefined
  const rest = skipBlank(start.slice(keyword[0].length))
  const forms = [{ prefix: 'EXPLAIN ', text: rest }]
  const analyze = /^analy[sz]e(?![A-Za-z0-9_])/i.exec(rest)
  if (analyze !== null) {
    forms.push({ prefix: 'EXPLAIN ANALYZE ', text: rest.slice(analyze[0].length) })
  }
  const options = /^\([\w\s,]*\)/.exec(rest)
  if (options !== null) {
    forms.push({ prefix: `EXPLAIN ${options[0]} `, text: rest.slice(options[0].length) })
  }
  return forms
}

/** The text after leading white space and comments. */
function skipBlank(sql: string): string {
  return sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/, '')
}
