import { parse } from 'yaml'
import { z } from 'zod'
import { readRepositoryFile } from './repository-files.ts'

const dependency = z.object({
  condition: z.enum(['service_healthy', 'service_completed_successfully']),
})

const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  hostname: z.string().optional(),
  restart: z.string().optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  depends_on: z.record(z.string(), dependency).default({}),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
})

export type ComposeService = z.infer<typeof service>

/** docker-compose.yml as it is written, and as docker compose understands it. */
export interface ComposeFile {
  readonly text: string
  readonly services: ReadonlyMap<string, ComposeService>
  readonly volumes: readonly string[]
}

export function readComposeFile(): ComposeFile {
  const text = readRepositoryFile('docker-compose.yml')
  // `<<` takes the keys of an anchor over, as docker compose does.
  const read = z
    .object({
      services: z.record(z.string(), service),
      volumes: z.record(z.string(), z.unknown()),
    })
    .parse(parse(text, { merge: true }))
  return {
    text,
    services: new Map(Object.entries(read.services)),
    volumes: Object.keys(read.volumes),
  }
}

/** Settings that an image takes from variables of one beginning. */
export function settingsOf(
  { environment }: ComposeService,
  prefix: string,
  nameOf: (rest: string) => string = (rest) => rest,
): Record<string, string> {
  const entries = Object.entries(environment)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [nameOf(name.slice(prefix.length)), value] as const)
  return Object.fromEntries(entries)
}
