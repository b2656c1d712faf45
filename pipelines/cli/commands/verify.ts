import type { Command } from 'commander'
import type { CheckResult, Finding } from '../../verify/finding.ts'
import { verifyLake, type VerifyReport } from '../../verify/verify-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { exitCodes } from '../report-failure.ts'
import { drawTextTable } from '../text-table.ts'

const notes = `
It reads and changes nothing, and may run beside \`sluice live\`: all tables are read at one cut.
The exit code is 1 where anything is wrong.`

export function addVerifyCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('verify')
    .description('proves from the tables alone that nothing is lost, doubled or changed')
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: LakeOptions) => {
    const report = await withLake(context, options.lake, (lake) => verifyLake({ lake }), {
      isInspected: true,
    })
    if (options.json) printJson(context, reportToJson(report))
    else for (const line of drawReport(report)) printLine(context, line)
    if (!report.isFine) context.setExitCode(exitCodes.failed)
  })
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
