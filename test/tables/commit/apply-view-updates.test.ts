import { describe, expect, it } from 'vitest'
import {
  applyViewUpdates,
  checkViewRequirements,
} from '../../../tables/commit/apply-view-updates.ts'
import { createViewMetadata } from '../../../tables/commit/create-view-metadata.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import {
  parseViewMetadata,
  serializeViewMetadata,
} from '../../../tables/spec/view-metadata-json.ts'
import { viewSql, type ViewMetadata, type ViewVersion } from '../../../tables/spec/view-metadata.ts'
import type { ViewUpdate } from '../../../tables/spec/view-update.ts'

const uuid = 'fa6506c3-7681-40c8-86dc-e36561f83385'

function schemaOf(...names: readonly string[]): Schema {
  const fields = names.map((name, index) => {
    return { id: index + 1, name, required: false, type: 'long' } as const
  })
  return { type: 'struct', 'schema-id': 0, fields }
}

function versionOf(sqlByDialect: Readonly<Record<string, string>>, schemaId = -1): ViewVersion {
  return {
    'version-id': 1,
    'timestamp-ms': 100,
    'schema-id': schemaId,
    summary: { 'engine-name': 'test' },
    'default-namespace': ['gold'],
    representations: Object.entries(sqlByDialect).map(([dialect, sql]) => {
      return { type: 'sql', sql, dialect }
    }),
  }
}

function createView(sqlByDialect: Readonly<Record<string, string>> = { trino: 'SELECT 0' }) {
  return createViewMetadata({
    uuid,
    location: 'file:///lake/gold/v/',
    schema: schemaOf('a'),
    version: versionOf(sqlByDialect),
    properties: { comment: 'x' },
    nowMs: 50,
  })
}

/** What a client sends to replace a view's definition. */
function replacement(version: ViewVersion, schema = schemaOf('a')): readonly ViewUpdate[] {
  return [
    { action: 'add-schema', schema },
    { action: 'add-view-version', 'view-version': version },
    { action: 'set-current-view-version', 'view-version-id': -1 },
  ]
}

function replaceTimes(metadata: ViewMetadata, count: number): ViewMetadata {
  let view = metadata
  for (let n = 1; n <= count; n += 1) {
    const version = { ...versionOf({ trino: `SELECT ${n}` }), 'timestamp-ms': 100 + n }
    view = applyViewUpdates(view, replacement(version), { nowMs: 100 + n })
  }
  return view
}

describe('a new view', () => {
  it('has schema 0, version 1 and one entry in its log', () => {
    const view = createView()
    expect(view).toMatchObject({
      'view-uuid': uuid,
      'format-version': 1,
      location: 'file:///lake/gold/v',
      'current-version-id': 1,
      'version-log': [{ 'version-id': 1, 'timestamp-ms': 50 }],
      properties: { comment: 'x' },
    })
    expect(view.versions[0]).toMatchObject({ 'schema-id': 0, 'timestamp-ms': 50 })
    expect(parseViewMetadata(serializeViewMetadata(view))).toEqual(view)
  })

  it('is refused with two texts for one dialect, whatever their case', () => {
    expect(() => createView({ trino: 'SELECT 1', Trino: 'SELECT 2' })).toThrow(
      'Invalid view version: Cannot add multiple queries for dialect trino',
    )
  })

  it('is refused without its place', () => {
    const updates: readonly ViewUpdate[] = [{ action: 'assign-uuid', uuid }]
    expect(() => applyViewUpdates(undefined, updates, { nowMs: 1 })).toThrow(/Invalid location/)
  })
})

describe('updates of a view', () => {
  it('add a version with its schema and make it the current one', () => {
    const version = versionOf({ trino: 'SELECT 1', spark: 'SELECT 1' })
    const view = applyViewUpdates(createView(), replacement(version, schemaOf('a', 'b')), {
      nowMs: 200,
    })
    expect(view['current-version-id']).toBe(2)
    expect(view.versions.map((v) => v['schema-id'])).toEqual([0, 1])
    expect(view.schemas.map((schema) => schema['schema-id'])).toEqual([0, 1])
    expect(view['version-log'].at(-1)).toEqual({ 'version-id': 2, 'timestamp-ms': 100 })
    expect(viewSql(view, 'spark')).toBe('SELECT 1')
  })

  it('find the schema and the version that are there already', () => {
    const view = createView()
    expect(
      applyViewUpdates(view, replacement(versionOf({ trino: 'SELECT 0' })), { nowMs: 9 }),
    ).toBe(view)
  })

  it('log an old version that comes back with the time of its return', () => {
    const view = applyViewUpdates(
      replaceTimes(createView(), 1),
      [{ action: 'set-current-view-version', 'view-version-id': 1 }],
      { nowMs: 900 },
    )
    expect(view['version-log'].map((entry) => entry['timestamp-ms'])).toEqual([50, 101, 900])
    expect(view.versions).toHaveLength(2)
  })

  it('keep ten versions, and the log back to the first that is gone', () => {
    const view = replaceTimes(createView(), 14)
    expect(view.versions.map((version) => version['version-id'])).toEqual([
      6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ])
    expect(view['version-log'].map((entry) => entry['version-id'])).toEqual([
      6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ])
  })

  it('keep as many versions as the property says, and always the current one', () => {
    const property = { 'version.history.num-entries': '2' }
    const start = applyViewUpdates(
      createView(),
      [{ action: 'set-properties', updates: property }],
      { nowMs: 60 },
    )
    const view = replaceTimes(start, 3)
    expect(view.versions.map((version) => version['version-id'])).toEqual([3, 4])
    const back = applyViewUpdates(
      view,
      [{ action: 'set-current-view-version', 'view-version-id': 3 }],
      { nowMs: 900 },
    )
    const next = replaceTimes(back, 1)
    expect(next.versions.map((version) => version['version-id'])).toEqual([4, 5])
    expect(next['version-log'].map((entry) => entry['version-id'])).toEqual([5])
  })

  it.each(['0', '-1', 'many'])('refuse a history of %s versions', (size) => {
    const updates: readonly ViewUpdate[] = [
      { action: 'set-properties', updates: { 'version.history.num-entries': size } },
    ]
    expect(() => applyViewUpdates(createView(), updates, { nowMs: 1 })).toThrow(/must be positive/)
  })

  it('refuse to lose a dialect, unless the property allows it', () => {
    const view = createView({ trino: 'SELECT 0', spark: 'SELECT 0' })
    const updates = replacement(versionOf({ trino: 'SELECT 1' }))
    expect(() => applyViewUpdates(view, updates, { nowMs: 1 })).toThrow(
      /loss of view dialects \(replace.drop-dialect.allowed=false\)/,
    )
    const allowed = applyViewUpdates(
      view,
      [
        { action: 'set-properties', updates: { 'replace.drop-dialect.allowed': 'true' } },
        ...updates,
      ],
      { nowMs: 1 },
    )
    expect(allowed['current-version-id']).toBe(2)
  })

  it('set and remove properties and the location, and keep what they do not know', () => {
    const view = { ...createView(), 'future-of-views': 7 }
    const changed = applyViewUpdates(
      view,
      [
        { action: 'set-properties', updates: { a: '1', b: '2' } },
        { action: 'remove-properties', removals: ['comment', 'none'] },
        { action: 'set-location', location: 'file:///lake/other' },
      ],
      { nowMs: 1 },
    )
    expect(changed).toMatchObject({
      properties: { a: '1', b: '2' },
      location: 'file:///lake/other',
      'future-of-views': 7,
      'version-log': view['version-log'],
    })
  })

  it.each<[string, ViewUpdate, RegExp]>([
    ['another uuid', { action: 'assign-uuid', uuid: 'other' }, /Cannot reassign uuid/],
    ['a newer format', { action: 'upgrade-format-version', 'format-version': 2 }, /Unsupported/],
    ['an older format', { action: 'upgrade-format-version', 'format-version': 0 }, /downgrade/],
    [
      'a version that is not there',
      { action: 'set-current-view-version', 'view-version-id': 7 },
      /Cannot set current version to unknown version: 7/,
    ],
    [
      'the last added version where none was',
      { action: 'set-current-view-version', 'view-version-id': -1 },
      /no current version id has been set/,
    ],
    [
      'a version with a schema that is not there',
      { action: 'add-view-version', 'view-version': versionOf({ trino: 'SELECT 1' }, 4) },
      /Cannot add version with unknown schema: 4/,
    ],
    [
      'a version with the last added schema where none was',
      { action: 'add-view-version', 'view-version': versionOf({ trino: 'SELECT 1' }) },
      /Cannot set last added schema/,
    ],
    ['an unknown action', { action: 'add-udf' } as never, /Unknown update action .*add-udf/],
  ])('refuse %s', (_, update, fault) => {
    expect(() => applyViewUpdates(createView(), [update], { nowMs: 1 })).toThrow(fault)
  })
})

describe('requirements of a view', () => {
  it('are met by its uuid in any case, and by nothing else', () => {
    const view = createView()
    checkViewRequirements(view, [{ type: 'assert-view-uuid', uuid: uuid.toUpperCase() }])
    const wrong = () => {
      checkViewRequirements(view, [{ type: 'assert-view-uuid', uuid: 'x' }])
    }
    expect(wrong).toThrow(`Requirement failed: view UUID does not match: expected ${uuid} != x`)
    try {
      wrong()
    } catch (error) {
      expect(isErrorKind(error, 'commit-conflict')).toBe(true)
    }
  })

  it('of a kind that is not known are refused', () => {
    const unknown = { type: 'assert-create', uuid: '' } as never
    expect(() => {
      checkViewRequirements(createView(), [unknown])
    }).toThrow(/Unknown requirement/)
  })
})
