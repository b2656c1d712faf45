import { SluiceError } from '../errors.ts'

/** The scheme of HDFS locations, as Trino and Spark read them natively. */
export const HDFS_SCHEME = 'hdfs'

/** A place in HDFS. */
export interface HdfsPlace {
  /** `host:port` of a NameNode, or a name service's id. */
  readonly authority: string
  /** Absolute, without a slash at its end; `/` for the root. */
  readonly path: string
}

/**
 * The place of a location (`hdfs://host:port/path` or `hdfs://nameservice/path`). The text behind
 * the authority is the path, byte for byte and without percent-encoding, as in Hadoop's `Path`; a
 * doubled slash counts as one there, too.
 * @throws SluiceError `invalid-input` where it is none, and for names that HDFS does not take: it
 * has no colon in names.
 */
export function hdfsPlaceOf(location: string): HdfsPlace {
  const [, authority, text] = /^hdfs:\/\/([^/?#@]+)(\/.*)?$/s.exec(location) ?? []
  if (authority === undefined) {
    throw badLocation(location, 'is no location in HDFS', 'write it as hdfs://host:port/path')
  }
  const names = (text ?? '/').split('/').filter((name) => name !== '')
  for (const name of names) {
    if (name === '.' || name === '..') {
      throw badLocation(location, `climbs with "${name}"`, 'write the folder that is meant')
    }
    if (/[:\0]|\p{Surrogate}/u.test(name)) {
      throw badLocation(location, 'has a name that HDFS does not take', NAME_RULE)
    }
  }
  return { authority, path: `/${names.join('/')}` }
}

const NAME_RULE = 'leave out colons, zero bytes and halves of surrogate pairs'

function badLocation(location: string, what: string, todo: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${location} ${what}. Nothing was read or written; ${todo}.`,
    { context: { location } },
  )
}
