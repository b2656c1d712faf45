import type { TrinoAddress } from '../../tables/query/trino-connection.ts'

/**
 * What the lake's catalog is called in Trino where nobody says otherwise. The lake's views name it:
 * Trino takes no view without the catalog that its names are looked for in, though the view
 * specification lets it be left out for the catalog that holds the view.
 */
export const LAKE_IN_TRINO = 'sluice'

/** A Trino, and what the lake is called in it. */
export type LakeInTrino = TrinoAddress & { readonly catalog: string }
