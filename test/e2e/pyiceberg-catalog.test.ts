import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { runPython } from '../support/pyiceberg.ts'
import { describeWithService } from '../support/service.ts'

await describeWithService('pyiceberg', 'PyIceberg over the embedded catalog', () => {
  it('creates, writes, evolves, tags, renames and drops; SqlCatalog opens the same file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice pyiceberg-'))
    const database = join(folder, 'catalog.db')
    const warehouse = locationOfPath(join(folder, 'warehouse'))
    const failures: unknown[] = []
    const catalog = openEmbeddedCatalog({
      path: database,
      warehouse,
      fileIO: createLocalFileIO(),
      clock: systemClock,
      ids: randomIds,
    })
    const server = await startRestServer({
      catalog,
      port: 0,
      onFailure: (error) => failures.push(error),
    })
    try {
      const script = join(import.meta.dirname, 'pyiceberg-catalog.py')
      const { stdout } = await runPython(script, [server.url, database, warehouse])
      expect(failures).toEqual([])
      expect(JSON.parse(stdout)).toEqual({
        namespaces: [['market']],
        children: [['market', 'eu']],
        nested: { location: `${warehouse}/market/eu` },
        refusals: [true, true, true, true, true],
        properties: { location: `${warehouse}/market`, note: 'x' },
        head: 3,
        first: 10,
        columns: ['symbol', 'event_ts', 'price', 'size'],
        specs: 2,
        tag: true,
        note: { a: 'b' },
        staged: 4,
        tables: ['prints', 'trades'],
        exists: [true, false],
        back: 4,
        view_made: 200,
        views: [['market', 'symbols']],
        view_exists: [true, false],
        sql_tables: [['market', 'trades']],
        sql_view: true,
        sql_head: 3,
        after_sql: 5,
        sql_made: 6,
        sql_namespace: true,
        view_gone: true,
      })
      const log = (await catalog.loadTable(tableId('market.trades')))?.metadata['snapshot-log']
      expect(log?.at(-1)?.['snapshot-id']).toBeTypeOf('bigint')
    } finally {
      await server.close()
      await catalog.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
