import { tableOf } from '../../tables/commit/fence.ts'
import { SluiceError } from '../../tables/errors.ts'
import {
  commitFenced,
  type FencedTables,
  type UpdatePlan,
} from '../../tables/maintain/commit-fenced.ts'
import { checkTagName, isOwnRef, planTag, planTagDrop } from '../../tables/maintain/plan-tag.ts'
import { findCut, snapshotAtCut } from '../../tables/query/choose-snapshot.ts'
import { committedCut, cutHistory, cutNumberOf, snapshotOfRef } from '../../tables/spec/cut-history.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import { CUTS_TABLE, lakeCommitContext, readFence } from './lake-commit-context.ts'
import type { Lake } from './lake.ts'

/** A name for one state of all tables of a lake. */
export interface LakeTag {
  readonly name: string
  /** Undefined where sluice.cuts has no tag of this name: another engine made it. */
  readonly cutNumber: number | undefined
  readonly tables: readonly string[]
  /** Whether cuts set and drop it by themselves (`cut-<n>`, `eod-<day>`). */
  readonly isOwn: boolean
}

export interface ChangedTag extends LakeTag {
  /** False where it was so already. */
  readonly isChanged: boolean
}

/**
 * Names the state of every table at a cut, at one instant: what the tag holds never expires. A
 * table that had no row then gets no tag.
 * @param cutNumber the last cut where absent
 * @throws SluiceError `invalid-input` for a name that is taken or not allowed, and for a cut that
 * expired or never was.
 */
export async function tagLake(lake: Lake, name: string, cutNumber?: number): Promise<ChangedTag> {
  checkTagName(name)
  return changeTag(lake, name, (tables) => {
    const { metadata } = tableOf(tables, CUTS_TABLE)
    const wanted = cutNumber ?? committedCut(metadata)?.cutNumber
    if (wanted === undefined) throw noCutYet(name)
    const record = findCut(metadata, wanted)
    const history = cutHistory(metadata)
    return {
      cutNumber: wanted,
      plan: (table) => {
        const key = tableKey(table.identifier)
        if (key === tableKey(CUTS_TABLE)) return planTag(table.metadata, name, record.snapshotId)
        if (!record.heads.has(key)) return undefined
        const { snapshotId } = snapshotAtCut(key, table.metadata, record, history)
        return snapshotId === undefined ? undefined : planTag(table.metadata, name, snapshotId)
      },
    }
  })
}

/**
 * Takes a tag off all tables, at one instant.
 * @throws SluiceError `invalid-input` where no table has it, or cuts set it themselves.
 */
export async function dropTag(lake: Lake, name: string): Promise<ChangedTag> {
  checkTagName(name)
  const tag = (await listTags(lake)).find((one) => one.name === name)
  if (tag === undefined) {
    throw new SluiceError(
      'invalid-input',
      `No table has a tag ${name}. Nothing was dropped. \`sluice tag --list\` shows the tags.`,
    )
  }
  return changeTag(lake, name, () => ({
    cutNumber: tag.cutNumber,
    plan: ({ metadata }) =>
      metadata.refs[name] === undefined ? undefined : planTagDrop(metadata, name),
  }))
}

/** All tags but the one of the last cut, by the cut that they name, newest first. */
export async function listTags(lake: Lake): Promise<readonly LakeTag[]> {
  const tablesOf = new Map<string, string[]>()
  const cutOf = new Map<string, number>()
  for (const { name: table } of lake.model.tables) {
    const loaded = await lake.catalog.loadTable(tableId(table))
    if (loaded === undefined) continue
    for (const [name, ref] of Object.entries(loaded.metadata.refs)) {
      if (ref.type !== 'tag' || name === 'sluice-head') continue
      tablesOf.set(name, [...(tablesOf.get(name) ?? []), table])
      const snapshot = snapshotOfRef(loaded.metadata, name)
      const cutNumber = snapshot === undefined ? undefined : cutNumberOf(snapshot)
      const isCuts = table === tableKey(CUTS_TABLE)
      if (isCuts && cutNumber !== undefined) cutOf.set(name, cutNumber)
    }
  }
  return [...tablesOf]
    .map(([name, tables]) => {
      return { name, cutNumber: cutOf.get(name), tables, isOwn: isOwnRef(name) }
    })
    .sort((a, b) => (b.cutNumber ?? 0) - (a.cutNumber ?? 0) || (a.name < b.name ? -1 : 1))
}

interface TagPlan {
  readonly cutNumber: number | undefined
  /** Undefined for a table that takes no part. */
  readonly plan: (table: LoadedTable) => UpdatePlan | undefined
}

async function changeTag(
  lake: Lake,
  name: string,
  decide: (tables: FencedTables) => TagPlan,
): Promise<ChangedTag> {
  const identifiers = lake.model.tables.map((table) => tableId(table.name))
  const { result, tables: changed } = await commitFenced(lakeCommitContext(lake), {
    what: `the tag ${name}`,
    cutsTable: CUTS_TABLE,
    identifiers,
    afterCut: await readFence(lake),
    stage: (tables) => {
      const { cutNumber, plan } = decide(tables)
      const commits = identifiers.flatMap((identifier) => {
        const planned = plan(tableOf(tables, identifier))
        return planned === undefined ? [] : [{ identifier, ...planned }]
      })
      const tagged = commits.map(({ identifier }) => tableKey(identifier))
      return { commits, result: { name, cutNumber, tables: tagged, isOwn: false } }
    },
  })
  return { ...result, isChanged: changed.size > 0 }
}

function noCutYet(name: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The lake has no cut yet that ${name} could name. Nothing was tagged. Take something in first.`,
  )
}
