import { z } from 'zod'

import { identifier, namespace, properties } from './rest-server-schemas.ts'

/**
 * What the routes answer, for the OpenAPI description and for the tests that hold the answers to
 * it. Metadata is described by its own specification and is not repeated here.
 */

const nextPageToken = z.string().optional().meta({
  description: 'Where the next page goes on. Absent: this page is the last.',
})

export const namespaceList = z.object({
  namespaces: z.array(namespace),
  'next-page-token': nextPageToken,
})

export const namespaceShown = z.object({ namespace, properties })

export const propertiesChanged = z.object({
  updated: z.array(z.string()),
  removed: z.array(z.string()),
  missing: z.array(z.string()),
})

export const identifierList = z.object({
  identifiers: z.array(identifier),
  'next-page-token': nextPageToken,
})

const tableMetadata = z.looseObject({ 'format-version': z.int(), 'table-uuid': z.string() }).meta({
  description: 'https://iceberg.apache.org/spec/#table-metadata-fields',
})

const viewMetadata = z.looseObject({ 'format-version': z.int(), 'view-uuid': z.string() }).meta({
  description: 'https://iceberg.apache.org/view-spec/#view-metadata',
})

const storageCredentials = z.array(z.object({ prefix: z.string(), config: properties }))

export const tableShown = z.object({
  'metadata-location': z.string().optional().meta({ description: 'Absent: staged, not created.' }),
  metadata: tableMetadata,
  config: properties,
  'storage-credentials': storageCredentials.optional(),
})

export const viewShown = z.object({
  'metadata-location': z.string(),
  metadata: viewMetadata,
  config: properties,
})

export const credentialsShown = z.object({
  'storage-credentials': storageCredentials,
})

export const configShown = z.object({
  defaults: properties,
  overrides: properties,
  endpoints: z.array(z.string()),
})

export const errorShown = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    code: z.int(),
    stack: z.array(z.string()),
  }),
})
