import { lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'
import { bars } from './bars.ts'

/** All that a row says of a bar that was removed. */
const ofRemoved = [...bars.key, 'instrument_id', 'close_ts', 'revision']

/**
 * A bar that never changed after it was sealed has no row here: gold.bars holds its one version,
 * and since which cut (`known_cut`). Its first change brings two rows, the first version and the
 * new one; each further change brings one. So the bars as they were known at a time are, of each
 * key, the version with the greatest `known_cut` up to that time's cut, out of both tables together.
 *
 * What was known when hangs on when rows came, so nothing here is content.
 */
export const barRevisions: TableDefinition = {
  name: 'gold.bar_revisions',
  doc: 'One row is one version of a bar that changed after it was sealed; windows are UTC.',
  columns: [
    lineageOrNull(
      1,
      'known_cut',
      'long',
      'Cut that made this version; null: it was sealed before layout 3.',
    ),
    lineageOrNull(2, 'known_ts', 'timestamptz', 'When that cut was committed; null as the cut.'),
    lineage(3, 'is_removed', 'boolean', 'There is no such bar any more.'),
    ...bars.columns
      .filter(({ name }) => name !== 'is_sealed' && name !== 'known_cut')
      .map(({ name, type, doc }, index) =>
        ofRemoved.includes(name)
          ? lineage(index + 4, name, type, doc)
          : lineageOrNull(index + 4, name, type, `${doc.slice(0, -1)}; null: the bar was removed.`),
      ),
  ],
  key: [...bars.key, 'known_cut'],
  partition: [{ column: 'open_ts', transform: 'month' }],
  sort: ['step', 'venue_symbol', 'open_ts'],
}
