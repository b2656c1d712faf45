import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { reportFailure } from '../../../pipelines/cli/report-failure.ts'
import { errorKinds, SluiceError } from '../../../tables/errors.ts'

function report(error: unknown, isDebug = false): { code: number; text: string } {
  let text = ''
  const code = reportFailure(error, { isDebug, write: (line) => (text += line) })
  return { code, text }
}

describe('a failed command', () => {
  it('says kind and message on one line', () => {
    expect(report(new SluiceError('data-loss', 'The log is gone.')).text).toBe(
      'sluice: data-loss: The log is gone.\n',
    )
  })

  it('exits with 2 where the caller is wrong, and with 1 for every other kind', () => {
    const codes = errorKinds.map((kind) => [kind, report(new SluiceError(kind, '')).code])
    expect(codes.filter(([, code]) => code !== 1)).toEqual([['invalid-input', 2]])
  })

  it('exits with 2 where the command line makes no sense, without saying it twice', () => {
    const error = new CommanderError(1, 'commander.unknownOption', 'unknown option')
    expect(report(error)).toEqual({ code: 2, text: '' })
  })

  it('exits with 0 after help that was asked for', () => {
    expect(report(new CommanderError(0, 'commander.helpDisplayed', '')).code).toBe(0)
  })

  it('shows stack and causes only for those who debug', () => {
    const error = new SluiceError('corrupt-data', 'Bad file.', { cause: new Error('bad magic') })
    expect(report(error).text).not.toContain('at ')
    expect(report(error, true).text).toMatch(/report-failure\.test\.ts[^]*caused by: .*bad magic/)
  })

  it('says what is safe and what to do where nobody expected the error', () => {
    const { code, text } = report(new TypeError('x is undefined'))
    expect(code).toBe(1)
    expect(text).toMatch(/unexpected error: x is undefined.*is safe.*SLUICE_DEBUG=1/)
  })
})
