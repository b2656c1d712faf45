import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { hdfsPlaceOf } from '../../../tables/file-io/hdfs-location.ts'
import { dataNodeUrl, webHdfsUrl } from '../../../tables/file-io/webhdfs-address.ts'

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/:\0]|\p{Surrogate}/u.test(text) && text !== '.' && text !== '..')
const names = fc.array(name, { minLength: 1, maxLength: 4 })

describe('locations in HDFS', () => {
  it('are the path byte for byte behind a NameNode or a name service', () => {
    fc.assert(
      fc.property(names, fc.constantFrom('127.0.0.1:8020', 'nn', 'my-cluster'), (parts, nn) => {
        const path = `/${parts.join('/')}`
        expect(hdfsPlaceOf(`hdfs://${nn}${path}`)).toEqual({ authority: nn, path })
      }),
    )
  })

  it('count doubled slashes and one at the end as Hadoop does', () => {
    expect(hdfsPlaceOf('hdfs://nn:8020//a///b/')).toEqual({ authority: 'nn:8020', path: '/a/b' })
    expect(hdfsPlaceOf('hdfs://nn:8020')).toEqual({ authority: 'nn:8020', path: '/' })
  })

  it('are refused where they name no HDFS, climb, or have what HDFS takes in no name', () => {
    for (const location of [
      ...['/a/b', 's3://a/b', 'hdfs:/a', 'hdfs:///a', 'hdfs://u:p@nn/a', 'webhdfs://nn/a'],
      ...[
        'hdfs://nn/a/../b',
        'hdfs://nn/./a',
        'hdfs://nn/a:b',
        'hdfs://nn/a\0',
        'hdfs://nn/\ud800',
      ],
    ]) {
      expect(() => hdfsPlaceOf(location)).toThrow(/Nothing was read or written/)
    }
  })
})

describe('webHdfsUrl', () => {
  it('keeps every name whole, and every value', () => {
    const base = new URL('http://nn:9870')
    fc.assert(
      fc.property(names, fc.string({ unit: 'grapheme' }), (parts, value) => {
        if (/\p{Surrogate}/u.test(value)) return
        const url = webHdfsUrl(base, `/${parts.join('/')}`, { op: 'RENAME', destination: value })
        const [, , , ...got] = url.pathname.split('/')
        expect(got.map(decodeURIComponent)).toEqual(parts)
        expect(url.searchParams.get('destination')).toBe(value)
        // Some servers take a plus for a space and some for a plus.
        expect(url.href).not.toMatch(/\+/)
      }),
    )
  })

  it('goes below the path of a gateway', () => {
    const base = new URL('https://knox:8443/gateway/default/')
    expect(webHdfsUrl(base, '/a', { op: 'OPEN', offset: 0, length: undefined }).href).toBe(
      'https://knox:8443/gateway/default/webhdfs/v1/a?op=OPEN&offset=0',
    )
  })
})

describe('dataNodeUrl', () => {
  const asked = new URL('http://nn:9870/webhdfs/v1/a?op=OPEN')
  const location = 'http://dn1:9864/webhdfs/v1/a%20b?op=OPEN&offset=3'

  it('is where the NameNode sends its client on to', () => {
    expect(dataNodeUrl(location, asked, {})?.href).toBe(location)
    expect(dataNodeUrl('/other?op=OPEN', asked, {})?.href).toBe('http://nn:9870/other?op=OPEN')
  })

  it('is the host that is reached from here, with its own port or the one that it maps to', () => {
    const rest = '/webhdfs/v1/a%20b?op=OPEN&offset=3'
    expect(dataNodeUrl(location, asked, { dn1: '127.0.0.1' })?.href).toBe(
      `http://127.0.0.1:9864${rest}`,
    )
    const hosts = { dn1: 'wrong', 'dn1:9864': 'localhost:19864' }
    expect(dataNodeUrl(location, asked, hosts)?.href).toBe(`http://localhost:19864${rest}`)
  })
  it('is no address of another protocol, and none that cannot be read', () => {
    for (const wrong of ['file:///data', 'http://:::', 'hdfs://nn/a']) {
      expect(dataNodeUrl(wrong, asked, {})).toBeUndefined()
    }
  })
})
