import { createRequire } from 'node:module'

/** `sluice 0.2.0, DuckDB 1.5.5-r.5, Node.js 20.20.2`: what a report of a fault has to name. */
export function readVersion(): string {
  const versionOf = (name: string): string => {
    const { version } = createRequire(import.meta.url)(`${name}/package.json`) as {
      version: string
    }
    return version
  }
  const engine = versionOf('@duckdb/node-api')
  return `sluice ${versionOf('sluice-lakehouse')}, DuckDB ${engine}, Node.js ${process.versions.node}`
}
