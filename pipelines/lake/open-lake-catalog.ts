import { join } from 'node:path'
import { z } from 'zod'
import {
  type AtomicTransactions,
  atomicTransactionsModes,
} from '../../tables/catalog/atomic-transactions.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { openRestCatalog } from '../../tables/catalog/rest-catalog.ts'
import type { RestAuth } from '../../tables/catalog/rest-client-auth.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { readLakeFile } from './lake-file.ts'
import type { CatalogSecrets } from './lake-secrets.ts'
import { type LakeStores, placesOf } from './lake-stores.ts'

const lakeCatalogSchema = z.object({
  uri: z.string().min(1),
  warehouse: z.string().min(1).optional(),
  atomicTransactions: z.enum(atomicTransactionsModes).default('marked'),
  oauthScope: z.string().min(1).optional(),
  oauthTokenUri: z.string().min(1).optional(),
})

/** Where the tables of a lake are kept whose catalog is not its own. Holds no secret. */
export interface LakeCatalog {
  readonly uri: string
  readonly warehouse?: string | undefined
  readonly atomicTransactions: AtomicTransactions
  /** Of OAuth2 client credentials, where the catalog takes them. */
  readonly oauthScope?: string | undefined
  readonly oauthTokenUri?: string | undefined
}

export interface OpenLakeCatalogOptions {
  readonly directory: string
  readonly location: string
  /** Where its tables lie. */
  readonly stores: LakeStores
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
  /** What the caller was told; undefined: what the lake says itself. */
  readonly wanted: LakeCatalog | undefined
  readonly secrets: CatalogSecrets | undefined
}

/**
 * The catalog of a lake: the one in its folder, or the REST catalog that `lake.json` names.
 * @throws SluiceError `invalid-input` where the caller was told another one than the lake was made
 * with, and as `openRestCatalog`.
 */
export async function openLakeCatalog(options: OpenLakeCatalogOptions): Promise<Catalog> {
  const { directory, location, stores, fileIO, clock, ids, wanted, secrets } = options
  const written = (await readLakeFile(directory))?.['catalog']
  const read = lakeCatalogSchema.optional().safeParse(written)
  if (!read.success) throw brokenCatalog(directory, read.error)
  const kept = read.data
  if (wanted !== undefined && !isSame(wanted, kept)) throw otherCatalog(directory, wanted, kept)
  if (kept === undefined) {
    const path = join(directory, 'catalog.db')
    const otherWarehouses = placesOf(stores)
    return openEmbeddedCatalog({
      ...{ path, warehouse: `${location}/warehouse`, otherWarehouses, fileIO, clock, ids },
    })
  }
  return openRestCatalog({
    uri: kept.uri,
    clock,
    atomicTransactions: (wanted ?? kept).atomicTransactions,
    auth: authOf(wanted ?? kept, secrets ?? {}),
    ...(kept.warehouse === undefined ? {} : { warehouse: kept.warehouse }),
  }).catch((error: unknown) => {
    throw isStranger(error) ? notKnownThere(kept, error) : error
  })
}

function isStranger(error: unknown): error is SluiceError {
  return error instanceof SluiceError && error.context['refusal'] === 'NotAuthorizedException'
}

function authOf(catalog: LakeCatalog, { token, credential }: CatalogSecrets): RestAuth {
  const { oauthScope: scope, oauthTokenUri: tokenUri } = catalog
  if (credential !== undefined) {
    return {
      kind: 'oauth2',
      credential,
      ...(scope === undefined ? {} : { scope }),
      ...(tokenUri === undefined ? {} : { tokenUri }),
    }
  }
  return token === undefined ? { kind: 'none' } : { kind: 'bearer', token }
}

/** How far a catalog is trusted may change; which one it is may not. */
function isSame(wanted: LakeCatalog, kept: LakeCatalog | undefined): boolean {
  return wanted.uri === kept?.uri && wanted.warehouse === kept.warehouse
}

function otherCatalog(
  directory: string,
  wanted: LakeCatalog,
  kept: LakeCatalog | undefined,
): SluiceError {
  const own = kept === undefined ? 'a catalog of its own' : `the catalog at ${kept.uri}`
  return new SluiceError(
    'invalid-input',
    `The lake in ${directory} was made with ${own}, and the config names the one at ` +
      `${wanted.uri}. Nothing was opened. Correct the config, or name another folder for the lake.`,
  )
}

function brokenCatalog(directory: string, cause: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `lake.json in ${directory} names its catalog in a form that cannot be read. Nothing was ` +
      'opened. Restore it from a backup of the lake.',
    { cause },
  )
}

function notKnownThere(catalog: LakeCatalog, cause: SluiceError): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The catalog at ${catalog.uri} does not know who asks. Nothing was opened. Put what it wants ` +
      'into the environment: SLUICE_REST_TOKEN, or SLUICE_REST_CREDENTIAL as id:secret. It said: ' +
      cause.message,
    { cause, context: cause.context },
  )
}
