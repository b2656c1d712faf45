import { access, constants, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isErrorKind } from '../../tables/errors.ts'
import type { SinkPositions } from './sink-position.ts'
import type { SinkSettings } from './sink-settings.ts'

/** Where a sink stands, and whether it could take rows. */
export interface SinkPlan {
  readonly name: string
  readonly type: SinkSettings['type']
  readonly table: string
  readonly where?: string
  /** The topic, the folder, or `standard output`. */
  readonly target: string
  /** It has what this cut and those before it gave; absent: the lake knows nothing of it. */
  readonly afterCut?: number
  /** Where it begins as long as the lake knows nothing of it. */
  readonly start: SinkSettings['start']
  /** Why it would get nothing, as sentences; absent: nothing is in its way. */
  readonly problem?: string
}

/** What the lake says of a sink. */
export type SinkStanding = Pick<SinkPlan, 'afterCut' | 'problem'>

/** How far a sink is; a position that cannot be read is its problem. */
export async function readSinkStanding(
  positions: SinkPositions,
  name: string,
): Promise<SinkStanding> {
  try {
    const position = await positions.read(name)
    return position === undefined ? {} : { afterCut: position.cutNumber }
  } catch (error) {
    if (!isErrorKind(error, 'corrupt-data')) throw error
    return { problem: error.message }
  }
}

/**
 * What would become of a sink; nothing is written. A sink that cannot take rows does not keep the
 * loop from running, so that its trouble is told apart.
 * @param topics those of the brokers; undefined where they did not answer.
 */
export async function planSink(
  settings: SinkSettings,
  standing: SinkStanding,
  topics: ReadonlySet<string> | undefined,
): Promise<SinkPlan> {
  const { name, type, table, where, start } = settings
  const problem = await problemOf(settings, topics)
  return {
    ...{ name, type, table, start, target: targetOf(settings) },
    ...(where === undefined ? {} : { where }),
    ...(problem === undefined ? {} : { problem }),
    ...standing,
  }
}

function targetOf(settings: SinkSettings): string {
  if (settings.type === 'console') return 'standard output'
  return settings.type === 'kafka' ? settings.topic : settings.folder
}

async function problemOf(
  settings: SinkSettings,
  topics: ReadonlySet<string> | undefined,
): Promise<string | undefined> {
  if (settings.type === 'parquet') {
    const { name, folder, table } = settings
    const reason = await whyNotWritable(join(folder, table))
    if (reason === undefined) return undefined
    return (
      `Sink ${name} cannot write below ${folder}: ${reason}. Let this user write there, or ` +
      'correct sinks[].folder in the config.'
    )
  }
  if (settings.type === 'kafka') {
    const { name, topic } = settings
    if (topics === undefined || topics.has(topic)) return undefined
    return (
      `Sink ${name} sends to topic "${topic}", which the brokers do not have. Create it ` +
      '(kafka-topics.sh --create --topic …), or correct sinks[].topic in the config.'
    )
  }
  return undefined
}

/** Of a folder that may have to be made: what counts then is the nearest one that is there. */
async function whyNotWritable(folder: string): Promise<string | undefined> {
  try {
    if (!(await stat(folder)).isDirectory()) return `${folder} is no folder`
    await access(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
    if (isAbsent && dirname(folder) !== folder) return whyNotWritable(dirname(folder))
    return `${folder} cannot be written to (${code})`
  }
}
