// For a container's health check: ends with 0 where the catalog of this machine answers to the
// token of SLUICE_CATALOG_TOKEN. Plain Node without a dependency.
const [token = ''] = (process.env['SLUICE_CATALOG_TOKEN'] ?? '').split(',')
const headers = token === '' ? {} : { authorization: `Bearer ${token.trim()}` }
try {
  const answer = await fetch('http://127.0.0.1:8181/v1/config', {
    headers,
    signal: AbortSignal.timeout(5000),
  })
  process.exitCode = answer.ok ? 0 : 1
} catch {
  process.exitCode = 1
}
