import type { SchemaField } from './schema.ts'

/** Reserved field ids of the lineage. Source: https://iceberg.apache.org/spec/#reserved-field-ids */
export const ROW_ID_FIELD_ID = 2_147_483_540
export const LAST_UPDATED_FIELD_ID = 2_147_483_539

/** Who a row is and when it changed last, format version 3: columns of files of moved rows. */
export const lineageFields: readonly SchemaField[] = [
  { id: ROW_ID_FIELD_ID, name: '_row_id', required: false, type: 'long' },
  {
    id: LAST_UPDATED_FIELD_ID,
    name: '_last_updated_sequence_number',
    required: false,
    type: 'long',
  },
]
