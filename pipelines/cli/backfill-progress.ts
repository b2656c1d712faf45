import { Presets, SingleBar } from 'cli-progress'
import type { TrinoProgress } from '../../tables/query/trino-connection.ts'
import type { ArchiveProgress } from '../sources/archive-source.ts'
import { printNote, type CommandContext } from './command-context.ts'
import { formatSize } from './format-units.ts'

/** How far a backfill is. */
export interface BackfillProgressView {
  readonly show: (phase: 'check' | 'load', progress: ArchiveProgress) => void
  /** What Trino is asked for now, and how far it is. */
  readonly showStatement: (purpose: string, progress: TrinoProgress) => void
  readonly end: () => void
}

/** Without a terminal: how often a line says how far it is. */
const LINE_US = 5_000_000n

/** A bar on a terminal, else a line now and then. */
export function createBackfillProgress(context: CommandContext): BackfillProgressView {
  return context.stderr.isTTY ? progressBar(context) : progressLines(context)
}

const phaseNames = { check: 'checking', load: 'loading' } as const

function progressBar(context: CommandContext): BackfillProgressView {
  const { stderr } = context
  const bar = new SingleBar(
    {
      format: '{phase} [{bar}] {percentage}% | {files} files | {rest}',
      stream: stderr,
      hideCursor: true,
      noTTYOutput: false,
    },
    Presets.legacy,
  )
  let shown: 'check' | 'load' | 'statement' | undefined
  return {
    show: (phase, { bytesRead, bytesTotal, partsRead, partsTotal }) => {
      const payload = {
        phase: phaseNames[phase],
        files: `${partsRead}/${partsTotal}`,
        rest: `${formatSize(bytesRead)} of ${formatSize(bytesTotal)}`,
      }
      if (shown !== phase) {
        if (shown === 'statement') stderr.write('\r\u001b[K')
        else bar.stop()
        bar.start(bytesTotal, bytesRead, payload)
      } else bar.update(bytesRead, payload)
      shown = phase
    },
    showStatement: (purpose, progress) => {
      if (shown !== 'statement') bar.stop()
      shown = 'statement'
      stderr.write(`\r\u001b[K${statementText(purpose, progress)}`)
    },
    end: () => {
      if (shown === 'statement') stderr.write('\r\u001b[K')
      bar.stop()
    },
  }
}

function progressLines(context: CommandContext): BackfillProgressView {
  const { clock } = context
  let saidUs: bigint | undefined
  let asked: string | undefined
  const isDue = (): boolean => {
    const nowUs = clock.nowUs()
    if (saidUs !== undefined && nowUs - saidUs < LINE_US) return false
    saidUs = nowUs
    return true
  }
  return {
    show: (phase, { bytesRead, bytesTotal, partsRead, partsTotal }) => {
      if (!isDue()) return
      printNote(
        context,
        `${phaseNames[phase]}: ${partsRead} of ${partsTotal} files, ` +
          `${formatSize(bytesRead)} of ${formatSize(bytesTotal)}`,
      )
    },
    showStatement: (purpose, progress) => {
      const isNew = purpose !== asked
      asked = purpose
      if (isDue() || isNew) printNote(context, statementText(purpose, progress))
    },
    end: () => undefined,
  }
}

function statementText(purpose: string, { percent, queryId }: TrinoProgress): string {
  const share = percent === undefined ? '' : `, ${Math.floor(percent)} %`
  return `trino: ${purpose}${share} (${queryId})`
}
