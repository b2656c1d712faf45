/** A manifest file: its bytes, its entries, and its line in the manifest list. */
export { encodeManifest } from './encode-manifest.ts'
export type { NewManifest } from './encode-manifest.ts'
export { decodeManifest, withRowIds } from './decode-manifest.ts'
export { manifestOf } from './manifest-of.ts'
export type { ManifestFacts } from './manifest-of.ts'
