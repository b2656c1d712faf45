import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../support/data.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { runPython } from '../support/pyiceberg.ts'
import { readReadmeBlocks, type ReadmeBlock } from '../support/readme-blocks.ts'
import { readRepositoryFile } from '../support/repository-files.ts'
import { describeWithService } from '../support/service.ts'
import { startShellBlock, type ShellBlock } from '../support/shell-block.ts'

const blocks = readReadmeBlocks()
const commands = blocks.filter(({ language }) => language === 'sh')

/** What a block that ends must print, by a piece of its text. */
const outputs: Readonly<Record<string, readonly RegExp[]>> = {
  'check --config': [/topic stocks, stock-json -> bronze\.trade_messages/, /\nit would run\n/],
  '--topic stocks': [/[1-9][\d,]* messages sent to stocks/],
  '--topic binance-spot': [/\b5 messages sent to binance-spot/],
  '20250115_ibm_Trade_Tick.csv': [
    /1 file read.*: 8 messages in 1 cut, 1 rejected, 1 duplicate\n/,
    /1 file read.*: 5 messages in 1 cut, 0 rejected, 0 duplicates\n/,
    /1 file read.*: 4 messages in 1 cut, 0 rejected, 0 duplicates\n/,
  ],
  '--mapping prices': [
    /nothing overlaps: the run would be taken\nnothing was changed\n/,
    /1 file read.*: 5 messages in 1 cut, 1 rejected, 0 duplicates\n/,
  ],
  'replay --from': [/every day is as these steps give it/, /nothing differs: no cut was made/],
  'rejects replay': [/decode now[^]*nothing was changed\n/, /no cut was made: [1-9]\d* stay\n/],
  'verify --deep': [/nothing is wrong/, /bad-number/, /bad-number: /],
  'SHOW TABLES': [
    /│ gold +│ bars +│[^]*│ latest_quotes +│[^]*21 rows/,
    /│ vwap +│ DECIMAL\(18,8\)/,
  ],
  'silver.gaps': [/│ binance +│ BTCUSDT +│ +1004 │ +2000 │[^]*1 row/],
  vwap: [/│ (AAPL|AMZN|GOOGL|MSFT|TSLA) +│[^]*10 rows/],
  'describe gold.bars': [
    /partition +month\(open_ts\)[^]*vwap +decimal\(18, 8\)[^]*main, sluice-head[^]*rows_in_files/,
  ],
  'maintain compact': [
    /gold\.bars[^]*before-fix names cut \d+, on \d+ tables[^]*positions[^]*silver\.trades is changed/,
  ],
  'relocate --lake': [/written anew: \d+ tables and views[^]*│ +bars │\s[^]*1 row/],
  'ASOF JOIN': [/avg_spread[^]*5 rows[^]*ask_price[^]*5 rows/],
  '--format ndjson': [
    /^venue,venue_symbol,/m,
    /\{"venue":"us-equity","trades":4\}/,
    /\{"venue":"binance","trades":6\}/,
    /│ bad-number +│/,
  ],
  '--as-of': [/cut +committed +mode[^]*backfill/, /cut \d+ of 20[^]*trades[^]*cut \d+ of 20/],
  "'sluice-head'": [/(│ +bars │[^]*│ +\d+ │[^]*){3}/],
  '-- status': [
    /writer +nobody/,
    /kafka:stocks +\d+ +[\d,]+/,
    /silver +trades +table +[\d,]+/,
    /"cut_number":\d+/,
  ],
  'AS wrong': [/^(wrong\r?\n0\r?\n){3}$/],
}

interface Stay {
  /** It is ready for the next block. */
  readonly isReady: RegExp
  /** Its last words after Ctrl-C. */
  readonly farewell: RegExp
}

/** What a block that goes on until Ctrl-C says, by a piece of its text. */
const stays: Readonly<Record<string, Stay>> = {
  'npm start': {
    isReady: /\| rows bronze [1-9][^|]*gold [1-9]/,
    farewell: /\n([\d,]+) messages produced, \1 committed [^]*\nThe lake is in .*\n$/,
  },
  'live --config': {
    isReady: /"msg":"started"/,
    farewell: /"msg":"stopped; started again it goes on from here"\}\n$/,
  },
  'catalog --port': { isReady: /http:\/\/[\d.:]+ serves /, farewell: /Ctrl-C ends it\.\n$/ },
}

/** npm's own shell between a terminal and the program dies of Ctrl-C, whatever the program does. */
const codesAfterInterrupt = [0, 130]

function expectationOf<T>(text: string, of: Readonly<Record<string, T>>): T {
  const found = Object.entries(of).find(([piece]) => text.includes(piece))
  if (found === undefined) throw new Error(`nothing is expected of this block:\n${text}`)
  return found[1]
}

/** A folder that is a checkout to whoever stands in it; what is made there goes with it. */
async function makeCheckout(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-readme-'))
  const own = new Set(['.git', 'examples', 'lake', 'lakes', 'sluice.yaml'])
  for (const name of await readdir(repositoryRoot)) {
    if (!own.has(name)) await symlink(join(repositoryRoot, name), join(folder, name))
  }
  await cp(join(repositoryRoot, 'examples'), join(folder, 'examples'), { recursive: true })
  return folder
}

interface Walk {
  readonly folder: string
  /** Runs a block as the comment above it says; the first failure is thrown. */
  take(block: ReadmeBlock): Promise<void>
  /** Ctrl-C to what still runs; resolves once all of it ended well. */
  stopAll(): Promise<void>
}

/** Walks through blocks in one checkout. `addresses` maps those of the README to those here. */
async function startWalk(addresses: ReadonlyMap<string, string>): Promise<Walk> {
  const folder = await makeCheckout()
  const env = { SLUICE_LAKE: join(folder, 'lake') }
  const known = new Map(addresses)
  const running: { readonly shell: ShellBlock; readonly stay: Stay }[] = []
  let sentCount = 0
  const here = (text: string): string =>
    [...known].reduce((result, [written, real]) => result.replaceAll(written, real), text)

  const config = join(folder, 'examples', 'sluice.yaml')
  await writeFile(config, here(await readFile(config, 'utf8')))

  const runToItsEnd = async (text: string): Promise<void> => {
    const shell = startShellBlock(here(text), { cwd: folder, env })
    expect(await shell.ended, `${text}\n${shell.output()}`).toBe(0)
    for (const pattern of expectationOf(text, outputs)) expect(shell.output()).toMatch(pattern)
    const sent = /([\d,]+) messages sent to/.exec(shell.output())?.[1]
    if (sent === undefined) return
    sentCount += Number(sent.replaceAll(',', ''))
    // The loop says every few seconds what it has committed.
    await running[0]?.shell.waitFor(new RegExp(`"messageCount":${sentCount}\\b`))
  }

  const startStaying = async (text: string): Promise<void> => {
    const shell = startShellBlock(here(text), { cwd: folder, env })
    const stay = expectationOf(text, stays)
    running.push({ shell, stay })
    await shell.waitFor(stay.isReady)
    const url = /(http:\/\/[\d.:]+) serves /.exec(shell.output())?.[1]
    if (url !== undefined) known.set('http://127.0.0.1:8181', url)
  }

  const runScript = async (text: string): Promise<void> => {
    const script = join(folder, 'block.py')
    await writeFile(script, here(text))
    const { stdout } = await runPython(script, [])
    expect(stdout).toMatch(/venue_symbol: [^]*IBM[^]*\n\d+\n$/)
  }

  return {
    folder,
    take: ({ language, text, run }) => {
      if (run === 'until Ctrl-C') return startStaying(text)
      return language === 'python' ? runScript(text) : runToItsEnd(text)
    },
    stopAll: async () => {
      for (const { shell, stay } of running.splice(0)) {
        expect(codesAfterInterrupt).toContain(await shell.interrupt())
        expect(shell.output()).toMatch(stay.farewell)
      }
    },
  }
}

describe('the README', () => {
  it('says of every block of commands whether a test runs it', () => {
    expect(commands.filter(({ run }) => run === undefined)).toEqual([])
    expect(commands.length).toBeGreaterThan(15)
  })

  it('has no expectation in this test that no block meets', () => {
    const pieces = [...Object.keys(outputs), ...Object.keys(stays)]
    const unmet = pieces.filter((piece) => !commands.some(({ text }) => text.includes(piece)))
    expect(unmet).toEqual([])
  })

  it.each(['README.md', 'CONTRIBUTING.md', 'DECISIONS.md', 'CHANGELOG.md'])(
    'and the pages beside it link to what is there: %s',
    (page) => {
      const links = [...readRepositoryFile(page).matchAll(/\]\(([^)#:]+)\)/g)]
      const missing = links.filter(
        ([, path = '']) => !existsSync(join(repositoryRoot, dirname(page), path)),
      )
      expect(missing.map(([, path]) => path)).toEqual([])
    },
  )
})

const sections = [...new Set(commands.map(({ section }) => section))]

await describeWithService(
  'kafka',
  'the commands of the README, in order, as they are written',
  () => {
    let broker: KafkaBroker
    let walk: Walk
    beforeAll(async () => {
      broker = await startKafka()
      await broker.createTopic('stocks', 4)
      await broker.createTopic('binance-spot', 2)
      walk = await startWalk(new Map([['localhost:9092', broker.brokers.join(',')]]))
    })
    afterAll(async () => {
      await broker.stop()
      await rm(walk.folder, { recursive: true, force: true })
    })

    it.each(sections)('work: %s', async (section) => {
      try {
        for (const block of commands) {
          if (block.section === section && block.run !== 'not') await walk.take(block)
        }
      } finally {
        await walk.stopAll()
      }
    })
  },
)

await describeWithService('pyiceberg', 'the Python of the README', () => {
  let walk: Walk
  beforeAll(async () => {
    walk = await startWalk(new Map())
  })
  afterAll(() => rm(walk.folder, { recursive: true, force: true }))

  it('attaches to the catalog that the command above it serves', async () => {
    const history = commands.filter(({ section }) => section === 'Backfill history')
    const engines = blocks.filter(({ section }) => section === 'Use other engines')
    const python = engines.filter(({ language }) => language === 'python')
    expect(python.map(({ run }) => run)).toEqual(['to its end'])
    try {
      for (const block of [...history, ...engines]) {
        if (block.run === 'to its end' || block.run === 'until Ctrl-C') await walk.take(block)
      }
    } finally {
      await walk.stopAll()
    }
  })
})
