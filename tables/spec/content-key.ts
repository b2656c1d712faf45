import type { ContentFile } from './manifest.ts'

/**
 * What tells a live file of a table from all others: its location. Several deletion vectors may
 * lie in one Puffin file, so theirs is the location and the place in it.
 */
export function contentKey(file: ContentFile): string {
  if (file.content !== 'deletion-vector') return file.filePath
  return `${file.filePath}#${file.contentOffset}`
}
