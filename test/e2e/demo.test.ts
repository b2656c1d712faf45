import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../stack/free-ports.ts'
import { describeWithService } from '../support/service.ts'
import { pythonEnv } from '../support/pyiceberg.ts'
import {
  checkoutBin,
  runInCheckout,
  runSluice,
  startSluice,
  type RunningSluice,
} from '../support/sluice-process.ts'

interface Report {
  readonly produced: number
  readonly committed: number
  readonly rows: Readonly<Record<string, number>>
  readonly cuts: number
}

const folders: string[] = []
async function newLake(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'))
  folders.push(folder)
  return join(folder, 'lake')
}
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

const runShell = (line: string, env: Readonly<Record<string, string>> = {}) =>
  runInCheckout('sh', ['-c', line], { env })

/** The line below a title, as the demo printed it last. */
function printedCommand(output: string, title: string): string {
  const lines = output.split('\n')
  const at = lines.findLastIndex((line) => line.startsWith(`in a second terminal, ${title}`))
  return lines[at + 1] ?? ''
}

describe('a running demo', () => {
  let lake: string
  let demo: RunningSluice
  let squatter: Server
  let wantedPort: number
  beforeAll(async () => {
    lake = await newLake()
    wantedPort = (await freePorts(1))[0] ?? 0
    squatter = createServer().listen(wantedPort, '127.0.0.1')
    await once(squatter, 'listening')
    // Its commands are those for a checkout, run as they are printed.
    demo = startSluice(['demo', '--lake', lake, '--port', String(wantedPort)], {}, checkoutBin)
    await demo.waitFor(/AT ten cuts ago:\n.+\n/)
  })
  afterAll(async () => {
    squatter.close()
    await demo.stop('SIGKILL')
  })

  it('serves its catalog on the next port where the wanted one is taken, and says where', async () => {
    const [, url = ''] = await demo.waitFor(/catalog (http:\/\/\S+)/)
    expect(Number(new URL(url).port)).toBeGreaterThan(wantedPort)
    const { stdout } = await runSluice(['status', '--lake', lake, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      catalogUrl: url,
      holder: { purpose: 'sluice demo' },
    })
    expect((await fetch(`${url}/v1/config`)).status).toBe(200)
  })

  it('prints a command for the newest bars that works as it is printed', async () => {
    const { code, stdout, stderr } = await runShell(
      printedCommand(demo.output(), 'the newest bars'),
    )
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/venue_symbol[^]*(AAPL|AMZN|GOOGL|MSFT|TSLA)/)
  })

  it('prints the same query AT ten cuts ago, which reads fewer trades than now', async () => {
    // Said again every half minute, because the snapshot that it names goes in time.
    await demo.waitFor(/AT ten cuts ago:\n.*VERSION => \d{5,}/)
    const then = printedCommand(demo.output(), 'the same query AT ten cuts ago')
    const done = await runShell(then)
    expect(done.code, done.stderr).toBe(0)
    expect(done.stdout).toMatch(/venue_symbol[^]*(AAPL|AMZN|GOOGL|MSFT|TSLA)/)
    const count = (line: string) =>
      runShell(
        line
          .replace(/SELECT .* FROM/, 'SELECT sum(trade_count) FROM')
          .replace(/WHERE step.*LIMIT 10/, "WHERE step = '1d'")
          .concat(' --format csv'),
      )
    const before = await count(then)
    const now = await count(printedCommand(demo.output(), 'the newest bars'))
    const trades = ({ stdout }: { stdout: string }) => Number(stdout.split('\r\n')[1])
    expect(trades(before)).toBeGreaterThan(0)
    expect(trades(now)).toBeGreaterThan(trades(before))
  })

  it('turns a second writer away, naming itself', async () => {
    const second = await runSluice(['demo', '--lake', lake, '--duration', '1s'])
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(
      /commit-conflict: This lake .* is in use by sluice demo, process \d+ .*Nothing was started/,
    )
  })

  it('ends at Ctrl-C with everything committed, and goes on when it is started again', async () => {
    expect(await demo.stop('SIGINT'), demo.output()).toBe(0)
    const [, produced, committed] =
      /([\d,]+) messages produced, ([\d,]+) committed/.exec(demo.output()) ?? []
    expect(committed).toBe(produced)
    expect(demo.output().trimEnd().split('\n').at(-1)).toContain(`The lake is in ${lake}`)
    const before = JSON.parse((await runSluice(['status', '--lake', lake, '--json'])).stdout) as {
      readonly holder: null
      readonly rows: Readonly<Record<string, number>>
      readonly lastCut: { readonly cut_number: number }
    }
    expect(before.holder).toBeNull()
    const again = await runSluice(['demo', '--lake', lake, '--duration', '3s', '--json'])
    expect(again.code, again.stderr).toBe(0)
    const report = JSON.parse(again.stdout) as Report
    expect(report.produced).toBeGreaterThan(0)
    expect(report.committed).toBe(report.produced)
    expect(bronzeRows(report.rows)).toBe(bronzeRows(before.rows) + report.produced)
    const { stdout } = await runSluice(['cuts', '1', '--lake', lake, '--json'])
    expect(JSON.parse(stdout)).toMatchObject([
      { cut_number: before.lastCut.cut_number + report.cuts },
    ])
  })
})

function bronzeRows(rows: Readonly<Record<string, number>>): number {
  return (rows['bronze.trade_messages'] ?? 0) + (rows['bronze.quote_messages'] ?? 0)
}

describe('a demo that is killed', () => {
  it('loses nothing of its log and gives the lake free for the next one', async () => {
    const lake = await newLake()
    const [port] = await freePorts(1)
    const args = ['demo', '--lake', lake, '--port', String(port), '--rate', '2000']
    const demo = startSluice(args)
    await demo.waitFor(/cut [2-9]\d* \|/)
    await demo.stop('SIGKILL')
    const again = await runSluice([...args, '--duration', '2s', '--json'])
    expect(again.code, again.stderr).toBe(0)
    const report = JSON.parse(again.stdout) as Report
    const status = JSON.parse((await runSluice(['status', '--lake', lake, '--json'])).stdout) as {
      readonly positions: readonly { readonly end_offset: number }[]
    }
    expect(report.committed).toBeGreaterThanOrEqual(report.produced)
    expect(bronzeRows(report.rows)).toBe(status.positions[0]?.end_offset)
  })
})

describe('npm start', () => {
  it('runs the demo and ends with one line of JSON', async () => {
    const lake = await newLake()
    const [port] = await freePorts(1)
    const { code, stdout, stderr } = await runInCheckout('npm', [
      ...['start', '--', '--lake', lake, '--port', String(port)],
      ...['--duration', '20s', '--json'],
    ])
    expect(code, stderr).toBe(0)
    // npm says on stdout what it runs; everything else there is ours.
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('>'))
    expect(lines).toHaveLength(1)
    const report = JSON.parse(lines[0] ?? '') as Report
    expect(report.produced).toBeGreaterThan(1000)
    expect(report.committed).toBe(report.produced)
    expect(bronzeRows(report.rows)).toBe(report.produced)
    expect(report.rows['gold.bars']).toBeGreaterThan(0)
  })
})

describe('the log of a demo', () => {
  it('gives its old segments back once their cut is committed', async () => {
    const lake = await newLake()
    const [port] = await freePorts(1)
    const { code, stdout, stderr } = await runSluice([
      ...['demo', '--lake', lake, '--port', String(port), '--rate', '20000'],
      ...['--duration', '6s', '--json'],
    ])
    expect(code, stderr).toBe(0)
    const report = JSON.parse(stdout) as Report
    expect(bronzeRows(report.rows)).toBe(report.produced)
    // 8 MB each: what came before the last one or two is in bronze and nowhere else.
    const segments = (await readdir(join(lake, 'log'))).sort()
    expect(segments.length).toBeLessThanOrEqual(2)
    expect(Number(segments[0]?.slice(0, 20))).toBeGreaterThan(0)
  })
})

await describeWithService('pyiceberg', 'PyIceberg beside a running demo', () => {
  it('attaches by the command that is printed, as it is printed', async () => {
    const lake = await newLake()
    const [port] = await freePorts(1)
    const demo = startSluice(['demo', '--lake', lake, '--port', String(port)])
    await demo.waitFor(/PyIceberg .*:\n.+\n/)
    const { python } = await pythonEnv()
    const path = `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`
    const attach = printedCommand(demo.output(), 'PyIceberg')
    const { code, stdout, stderr } = await runShell(attach, { PATH: path })
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/venue_symbol: .*string[^]*AAPL/)
    expect(await demo.stop('SIGTERM')).toBe(0)
  })
})
