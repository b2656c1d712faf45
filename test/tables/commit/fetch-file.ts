import { open } from 'node:fs/promises'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'

/** `fetch` over `file:` locations, with ranges: what a reader that knows URLs only is given. */
export async function fetchFile(url: string, init?: RequestInit): Promise<Response> {
  const file = await open(pathOfLocation(url))
  try {
    const { size } = await file.stat()
    const range = /^bytes=(\d+)-(\d*)$/.exec(new Headers(init?.headers).get('range') ?? '')
    const start = Number(range?.[1] ?? 0)
    const end = Math.min(size, range?.[2] ? Number(range[2]) + 1 : size)
    const headers = { 'content-length': String(end - start) }
    if (init?.method === 'HEAD') return new Response(null, { headers })
    const bytes = Buffer.alloc(end - start)
    await file.read(bytes, 0, bytes.length, start)
    return new Response(bytes, { status: range === null ? 200 : 206, headers })
  } finally {
    await file.close()
  }
}
