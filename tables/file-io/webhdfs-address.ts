import { SluiceError } from '../errors.ts'

/** Names and values of a request; undefined ones are left out. */
export type WebHdfsParameters = Readonly<Record<string, string | number | boolean | undefined>>

/** Percent-encodes a path name by name, and each value, so that no server takes a part of a name
 * for syntax: a space is `%20` and never `+`, which some of them keep as a plus.
 */
export function webHdfsUrl(base: URL, path: string, parameters: WebHdfsParameters): URL {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const query = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  const prefix = base.pathname.replace(/\/+$/, '')
  return new URL(`${base.origin}${prefix}/webhdfs/v1${encoded}?${query.join('&')}`)
}

/**
 * The HTTP address of a NameNode or of a gateway before it (`http://host:9870`).
 * @throws SluiceError `invalid-input` where it is none. The message has no part of an address that
 * may hold a password.
 */
export function parseNameNodeUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') {
      url.pathname = url.pathname.replace(/\/webhdfs\/v1\/?$/, '')
      return url
    }
  }
  throw new SluiceError(
    'invalid-input',
    'The address of a NameNode is not a plain http:// or https:// address. Nothing was read or ' +
      'written; write it as http://host:9870, without user, password and parameters.',
  )
}

/**
 * Checks that each DataNode's host is mapped to a plain `host` or `host:port`.
 * @throws SluiceError `invalid-input`, with the DataNode's own name alone.
 */
export function checkDataNodeHosts(hosts: Readonly<Record<string, string>>): void {
  for (const [name, mapped] of Object.entries(hosts)) {
    if (/^[^/?#@\\\s]+$/.test(mapped) && URL.canParse(`http://${mapped}`)) continue
    throw new SluiceError(
      'invalid-input',
      `What the DataNode ${name} is mapped to is no host. Nothing was read or written; write it ` +
        'as host or host:port.',
    )
  }
}

/**
 * Where a client is sent on to, as it is reached from here; undefined where that is no address.
 * @param hosts names or `name:port` of DataNodes to those that are reached from here
 */
export function dataNodeUrl(
  location: string,
  asked: URL,
  hosts: Readonly<Record<string, string>>,
): URL | undefined {
  // An error of the parser would hold the whole address, and with it a token.
  if (!URL.canParse(location, asked.href)) return undefined
  const url = new URL(location, asked)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  const mapped = hosts[url.host] ?? hosts[url.hostname]
  if (mapped === undefined) return url
  const { hostname, port } = new URL(`${url.protocol}//${mapped}`)
  url.hostname = hostname
  if (port !== '') url.port = port
  return url
}
