import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { backfill } from '../../pipelines/backfill/backfill.ts'
import type { LakeStores } from '../../pipelines/lake/lake-stores.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { trinoDialect } from '../../shared-transforms/dialect.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { createLakeQuery } from '../../tables/query/lake-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { capturePath, captures } from '../support/captures.ts'
import { startKillableStack, type Killable, type KillableStack } from '../support/killable-stack.ts'
import { createTopic } from '../support/kafka.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import { openLocalLake } from '../support/local-lake.ts'
import { runPython } from '../support/pyiceberg.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { rowDigestSql } from '../support/row-digest.ts'
import { createBucket } from '../support/s3-server.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice, type RunningSluice } from '../support/sluice-process.ts'
import {
  lateWinner,
  superviseLive,
  type LiveEnd,
  type SupervisedLive,
} from '../support/supervise-live.ts'
import { sharedTrino, TRINO_CATALOG, type TestTrino } from '../support/trino.ts'
import { startTrinoReader, type TrinoReader, type TrinoSeen } from '../support/trino-reader.ts'
import { brokenClaims, lookAtCut, type SeenCut } from '../support/whole-cuts.ts'

const TOPIC = 'binance'
const capture = captures.eth8
/** Six servers die and start again, live among them each time: minutes, on a busy machine many. */
const PATIENCE_MS = 1_200_000
/** One after the other; in each of them a portion of the input comes. */
const outages = ['minio', 'datanode', 'namenode', 'kafka', 'catalog'] as const
type Outage = (typeof outages)[number]
const WENT_DOWN = /^sluice: (storage-unavailable|commit-state-unknown): /m
/** What PyIceberg reads: the tables of the namespaces that lie in MinIO. */
const inMinio = ['gold.bars', 'gold.spreads', 'sluice.cuts'] as const

interface PythonSeen {
  readonly looks: readonly {
    readonly cut: number
    readonly told_rows: number
    readonly rows: number
  }[]
  readonly failures: Readonly<Record<string, number | string>>
}

await describeWithService(
  ['kafka', 'minio', 'hdfs', 'pyiceberg', 'trino', 'data'],
  'a stack whose servers are killed one after the other, and Sluice with each of them',
  () => {
    let folder: string
    let stack: KillableStack
    let lake: Lake
    let live: SupervisedLive
    let stopped: LiveEnd
    let python: PythonSeen
    let trino: TestTrino
    let trinoReader: TrinoReader
    let byTrino: TrinoSeen
    const seen: SeenCut[] = []
    const readerErrors: unknown[] = []
    /** What undoes the set-up, the last first; it may have got stuck anywhere. */
    const undo: (() => Promise<unknown>)[] = []

    const secrets = () => ({
      AWS_ACCESS_KEY_ID: stack.s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: stack.s3.secretAccessKey,
    })

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-stack-'))
      undo.unshift(() => rm(folder, { recursive: true, force: true }))
      const starting = [
        startKillableStack(folder).then((started) => {
          stack = started
          undo.unshift(() => stack.stop())
        }),
        sharedTrino().then((started) => {
          trino = started
          undo.unshift(() => trino.close())
        }),
      ]
      // What one of them started has to be stopped, though the other one fails.
      await Promise.allSettled(starting)
      await Promise.all(starting)
      await createTopic([stack.brokers], TOPIC, 2)
      const stores = await storesOf(stack)
      const home = join(folder, 'home')
      lake = await openLake({
        ...{ directory: home, clock: systemClock, ids: randomIds, createIfMissing: true, stores },
        secrets: { s3: stack.s3 },
      })
      undo.unshift(() => lake.close())
      const catalog = await killableCatalog(home)
      undo.unshift(catalog.kill)
      live = superviseLive(() => writeConfig(stores, catalog.uri), secrets())
      undo.unshift(() => live.stop())
      const readers = startReaders(catalog.uri)
      undo.unshift(readers.stop)
      const trinoStores = { s3: stack.s3, hdfsConfigFolder: stack.hdfs.configFolder }
      await trino.attach(TRINO_CATALOG, catalog.uri, trinoStores)
      trinoReader = startTrinoReader(trino, lake)
      undo.unshift(trinoReader.stop)

      const portions = await splitCapture()
      await takePortions(portions, { ...stack.servers, catalog })
      stopped = await live.stop()
      byTrino = await trinoReader.stop()
      python = await readers.stop()
    }, PATIENCE_MS)

    afterAll(async () => {
      for (const step of undo) await step()
    })

    /** For each outage: some of its portion is in, the servers die, and then all of it is in. */
    async function takePortions(
      portions: readonly Portion[],
      servers: Readonly<Record<Outage, Killable>>,
    ): Promise<void> {
      let sent = 0
      for (const [index, portion] of portions.entries()) {
        const before = sent
        await produce(portion)
        sent += portion.lineCount
        await untilTaken(before + 1)
        const outage = outages[index]
        if (outage === undefined) continue
        await servers[outage].kill()
        // Once it is let find out by itself; the other times it is killed in the midst of it.
        if (outage === 'minio') await live.nextEnd()
        else await live.kill()
        await servers[outage].start()
        await untilTaken(sent)
        await trinoReader.untilSeen(sent)
      }
      await untilTaken(sent)
      await trinoReader.untilSeen(sent)
    }

    async function produce({ path, lineCount }: Portion): Promise<void> {
      const where = ['--topic', TOPIC, '--brokers', stack.brokers, '--json']
      const sent = await runSluice(['produce', ...where, '--format', 'binance-frames', path])
      expect(JSON.parse(sent.stdout), sent.stderr).toMatchObject({ sent: lineCount })
    }

    /** A reader has seen so many messages. */
    async function untilTaken(messageCount: number): Promise<void> {
      while ((seen.at(-1)?.messages ?? 0n) < BigInt(messageCount)) {
        expect(readerErrors).toEqual([])
        await delay(50)
      }
    }

    interface Portion {
      readonly path: string
      readonly lineCount: number
    }

    /** The capture in as many files as there are outages, and one for the quiet after them. */
    async function splitCapture(): Promise<Portion[]> {
      const text = gunzipSync(await readFile(capturePath(capture))).toString('utf8')
      const lines = text.trimEnd().split('\n')
      const size = Math.ceil(lines.length / (outages.length + 1))
      const portions: Portion[] = []
      for (let from = 0; from < lines.length; from += size) {
        const own = lines.slice(from, from + size)
        const path = join(folder, `portion-${from}.jsonl`)
        await writeFile(path, `${own.join('\n')}\n`)
        portions.push({ path, lineCount: own.length })
      }
      return portions
    }

    /** The catalog of the lake in a process of its own, on one port. */
    async function killableCatalog(home: string): Promise<Killable & { readonly uri: string }> {
      const [port = 0] = await freePorts(1)
      const uri = `http://127.0.0.1:${port}`
      const args = ['catalog', '--lake', home, '--port', String(port)]
      let running: RunningSluice | undefined
      const start = async (): Promise<void> => {
        running = startSluice(args, secrets())
        const [, told] = await running.waitFor(/(http:\S+) serves/)
        expect(told).toBe(uri)
      }
      await start()
      const kill = async (): Promise<void> => {
        await running?.stop('SIGKILL')
      }
      return { uri, start, kill }
    }

    /**
     * Cuts are small, so that there are many. Each start is a group of its own: it need not wait
     * until the broker takes a killed one for dead.
     */
    async function writeConfig(stores: LakeStores, catalogUri: string): Promise<string> {
      const path = join(folder, 'live.yaml')
      const { warehouses, s3, hdfs } = stores
      const config = {
        lake: './live',
        rest_catalog: { uri: catalogUri },
        warehouses,
        s3: { endpoint: s3?.endpoint, region: s3?.region },
        hdfs: { namenodes: hdfs?.nameNodes, user: hdfs?.user },
        kafka: { brokers: [stack.brokers], group_id: randomIds.uuid() },
        sources: [{ topic: TOPIC, format: 'binance-frames', start: 'earliest' }],
        trigger: { time_ms: 300, rows: 1000 },
      }
      // YAML is a superset of JSON.
      await writeFile(path, JSON.stringify(config))
      return path
    }

    /** Two readers that look again and again: SQL in this process, and PyIceberg in another. */
    function startReaders(catalogUri: string): { stop: () => Promise<PythonSeen> } {
      const stop = new AbortController()
      const looking = lookAgain(stop.signal)
      const stopFile = join(folder, 'stop')
      const running = runPyIceberg(catalogUri, stopFile)
      running.catch(() => undefined)
      return {
        stop: async () => {
          stop.abort()
          await looking
          await writeFile(stopFile, '')
          return running
        },
      }
    }

    async function lookAgain(signal: AbortSignal): Promise<void> {
      const { catalog, fileIO, engine, manifestCache } = lake
      const cutsTable = tableId('sluice.cuts')
      const query = createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache })
      while (!signal.aborted) {
        const release = lake.holdCopies()
        try {
          const look = await lookAtCut(query)
          if (look !== undefined) seen.push(look)
        } catch (error) {
          if (!isErrorKind(error, 'storage-unavailable')) readerErrors.push(error)
        } finally {
          release()
        }
        await delay(50)
      }
    }

    async function runPyIceberg(uri: string, stopFile: string): Promise<PythonSeen> {
      const properties = {
        uri,
        's3.endpoint': stack.s3.endpoint,
        's3.region': stack.s3.region,
        's3.access-key-id': stack.s3.accessKeyId,
        's3.secret-access-key': stack.s3.secretAccessKey,
        's3.path-style-access': 'true',
        's3.connect-timeout': '1',
        's3.request-timeout': '5',
      }
      const path = join(folder, 'request.json')
      const request = { properties, stop_file: stopFile, folder, tables: inMinio }
      await writeFile(path, JSON.stringify(request))
      const script = join(import.meta.dirname, 'stack-proof.py')
      return JSON.parse((await runPython(script, [path], PATIENCE_MS)).stdout) as PythonSeen
    }

    it('went down with its servers, said so, and ended at SIGTERM with code 0', async () => {
      expect(stopped.code, stopped.log).toBe(0)
      const byItself = live.ends.slice(0, -1).filter(({ code }) => code !== null)
      const cuts = await readRows<{ token: string }>(lake, 'sluice.cuts', 'SELECT token FROM t')
      const tokens = cuts.map(({ token }) => token)
      for (const end of byItself) {
        expect(end.code).toBe(1)
        const winner = lateWinner(live.ends, end)
        if (winner === undefined) expect(end.log).toMatch(WENT_DOWN)
        else expect(tokens).toContain(winner)
      }
      expect(byItself.length).toBeGreaterThan(0)
      const killed = live.ends.filter(({ code }) => code === null)
      expect(killed).toHaveLength(outages.length - 1)
      for (const { log } of live.ends) expect(log).not.toContain(stack.s3.secretAccessKey)
    })

    it('took in every message once, without a hole in its positions', async () => {
      expect(await receiptProblems(lake)).toEqual([])
      const decoded = BigInt(capture.trades + capture.quotes)
      expect(await readTotals(lake)).toMatchObject({
        ...{ message_count: BigInt(capture.lines), decoded_count: decoded, row_count: decoded },
        ...{ silver_count: decoded, rejected_count: 0n, duplicate_count: 0n, refused_count: 0n },
      })
    })

    it('holds the same content as a backfill of the same file into a lake on local disk', async () => {
      const other = await openLocalLake()
      try {
        const files = [capturePath(capture)]
        await backfill(
          { lake: other.lake, format: 'binance-frames', files, writer: 'test' },
          new AbortController().signal,
        )
        expect(await readContentHashes(lake)).toEqual(await readContentHashes(other.lake))
      } finally {
        await other.close()
      }
    })

    it('showed SQL over all tables whole cuts only, in their order', () => {
      expect(readerErrors).toEqual([])
      expect(seen.flatMap(brokenClaims)).toEqual([])
      const cuts = seen.map(({ cut }) => cut)
      expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
      expect(new Set(cuts).size).toBeGreaterThan(outages.length)
    })

    it('showed Trino whole cuts of all tables only, in their order', () => {
      const { looks, failures } = byTrino
      expect(looks.flatMap(brokenClaims)).toEqual([])
      const cuts = looks.map(({ cut }) => cut)
      expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
      expect(new Set(cuts).size, failures.join('\n')).toBeGreaterThan(outages.length)
    })

    it('holds the content of every table that Trino reads', async () => {
      const heads = await loadHeads(lake)
      const session = await lake.engine.connect()
      try {
        for (const table of allTables) {
          const plan = await planHead(lake, headOf(heads, table.name), [])
          const ours = contentHashSql(table, await planRelation(lake, plan))
          const theirs = contentHashSql(table, `${TRINO_CATALOG}.${table.name}`, trinoDialect)
          expect(await trino.query(theirs), table.name).toEqual(await session.rows(ours))
        }
      } finally {
        session.close()
      }
    })

    it('showed PyIceberg whole cuts only, in their order', () => {
      const { looks, failures } = python
      expect(looks.filter(({ told_rows, rows }) => told_rows !== rows)).toEqual([])
      const cuts = looks.map(({ cut }) => cut)
      expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
      expect(new Set(cuts).size, JSON.stringify(failures)).toBeGreaterThan(outages.length)
    })

    it.each(inMinio)('has the rows of %s that PyIceberg reads', async (name) => {
      const session = await lake.engine.connect()
      try {
        const heads = await loadHeads(lake)
        const ours = await planRelation(lake, await planHead(lake, headOf(heads, name), []))
        const theirs = `read_parquet('${join(folder, `${name}.parquet`)}')`
        const columns = await session.rows<{ column_name: string }>(
          `SELECT column_name FROM (DESCRIBE SELECT * FROM ${theirs})`,
        )
        const list = columns.map(({ column_name }) => `"${column_name}"`).join(', ')
        const digests = await Promise.all(
          [ours, theirs].map((rows) => session.rows(rowDigestSql(`(SELECT ${list} FROM ${rows})`))),
        )
        expect(digests[0]).toEqual(digests[1])
        expect(digests[0]).not.toMatchObject([{ row_count: '0' }])
      } finally {
        session.close()
      }
    })
  },
)

/** Bronze and silver on HDFS, gold and the cuts in MinIO. */
async function storesOf({ s3, hdfs }: KillableStack): Promise<LakeStores> {
  const bucket = await createBucket(s3)
  return {
    warehouses: {
      bronze: `${hdfs.rootLocation}/lake`,
      silver: `${hdfs.rootLocation}/lake`,
      gold: `s3://${bucket}/lake`,
      sluice: `s3://${bucket}/lake`,
    },
    s3: { endpoint: s3.endpoint, region: s3.region },
    hdfs: { nameNodes: [hdfs.webUrl], user: 'sluice' },
  }
}
