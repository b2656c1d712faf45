import { InvalidArgumentError, Option, type Command } from 'commander'
import { SluiceError } from '../../../tables/errors.ts'
import type { CheckResult, Finding } from '../../verify/finding.ts'
import { hashLake } from '../../verify/hash-lake.ts'
import { verifyLake, type VerifyReport } from '../../verify/verify-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { exitCodes } from '../report-failure.ts'
import { drawTextTable } from '../text-table.ts'

interface VerifyCommandOptions extends LakeOptions {
  readonly deep: boolean
  readonly hash: boolean
  readonly from?: number
  readonly to?: number
}

const notes = `
It reads and changes nothing, and may run beside \`sluice live\`: all tables are read at one cut.
The exit code is 1 where anything is wrong.`

export function addVerifyCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('verify')
    .description('proves from the tables alone that nothing is lost, doubled or changed')
    .addOption(
      new Option(
        '--deep',
        'reads every row: silver from bronze again, manifests against rows, files nobody names',
      )
        .default(false)
        .conflicts('hash'),
    )
    .option('--hash', 'instead of the checks: rows and content hash by table and day', false)
    .addOption(new Option('--from <day>', 'first day of the hashes, UTC').argParser(parseDay))
    .addOption(new Option('--to <day>', 'last day of the hashes, UTC').argParser(parseDay))
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: VerifyCommandOptions) => {
    if (options.hash) return showHashes(context, options)
    if (options.from !== undefined || options.to !== undefined) throw daysWithoutHash()
    const isDeep = options.deep
    const report = await withLake(context, options.lake, (lake) => verifyLake({ lake, isDeep }), {
      isInspected: true,
    })
    if (options.json) printJson(context, reportToJson(report))
    else for (const line of drawReport(report)) printLine(context, line)
    if (!report.isFine) context.setExitCode(exitCodes.failed)
  })
}

async function showHashes(
  context: CommandContext,
  { lake: directory, json, from: fromDay, to: toDay }: VerifyCommandOptions,
): Promise<void> {
  const { cut, days } = await withLake(
    context,
    directory,
    (lake) => hashLake({ lake, fromDay, toDay }),
    { isInspected: true },
  )
  if (json) {
    const rows = days.map(({ rowCount, ...day }) => ({ ...day, rowCount: Number(rowCount) }))
    printJson(context, { cut: cut ?? null, days: rows })
    return
  }
  const lines = drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'day', align: 'left' },
      { title: 'rows', align: 'right' },
      { title: 'hash', align: 'right' },
    ],
    days.map(({ table, day, rowCount, hash }) => [table, day, formatCount(rowCount), hash]),
  )
  printLine(context, cut === undefined ? 'a lake without a cut' : `at cut ${cut}`)
  for (const line of lines) printLine(context, line)
}

function parseDay(text: string): number {
  const timeMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('Write a day as 2025-01-15.')
  return timeMs / 86_400_000
}

function daysWithoutHash(): SluiceError {
  return new SluiceError(
    'invalid-input',
    '--from and --to choose the days of --hash; the checks are about the whole lake. Nothing was ' +
      'read. Add --hash, or leave them out.',
  )
}

function reportToJson({ cut, committedUs, checks, skipped, isFine }: VerifyReport) {
  return {
    isFine,
    cut: cut ?? null,
    committed_ts: committedUs === undefined ? null : formatIso(committedUs),
    checks: checks.map(({ name, checkedCount, unit, notes: told, findings }) => {
      return { name, checkedCount, unit, findingCount: findings.length, notes: told }
    }),
    skipped,
    findings: checks.flatMap(({ findings }) => findings),
  }
}

function drawReport(report: VerifyReport): readonly string[] {
  const { cut, committedUs, checks, skipped } = report
  const findings = checks.flatMap((check) => check.findings)
  const at =
    cut === undefined || committedUs === undefined
      ? 'a lake without a cut'
      : `at cut ${cut} of ${formatInstant(committedUs)}`
  return [
    at,
    ...drawChecks(checks, skipped),
    ...checks.flatMap((check) => check.notes.map((note) => `note: ${note}`)),
    ...findings.flatMap(drawFinding),
    '',
    report.isFine ? 'nothing is wrong' : `${formatCount(findings.length)} findings`,
  ]
}

function drawChecks(
  checks: readonly CheckResult[],
  skipped: VerifyReport['skipped'],
): readonly string[] {
  return drawTextTable(
    [
      { title: 'check', align: 'left' },
      { title: 'result', align: 'left' },
      { title: 'compared', align: 'right' },
      { title: '', align: 'left' },
    ],
    [
      ...checks.map(({ name, findings, checkedCount, unit }) => [
        name,
        findings.length === 0 ? 'fine' : `${formatCount(findings.length)} wrong`,
        formatCount(checkedCount),
        unit,
      ]),
      ...skipped.map((name) => [name, 'not checked', '-', '']),
    ],
  )
}

function drawFinding(finding: Finding): readonly string[] {
  const { kind, check, table, file, cut, foreignSnapshot, what, advice } = finding
  const place = [
    ...(table === undefined ? [] : [table]),
    ...(cut === undefined ? [] : [`cut ${cut}`]),
    ...(foreignSnapshot === undefined ? [] : [`snapshot ${foreignSnapshot} of somebody else`]),
  ]
  return [
    '',
    `${kind} (${check}): ${place.join(', ')}`,
    ...(file === undefined ? [] : [`  file   ${file}`]),
    `  found  ${what}`,
    `  to do  ${advice}`,
  ]
}
