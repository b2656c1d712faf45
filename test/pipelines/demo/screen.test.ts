import { describe, expect, it } from 'vitest'
import { createScreen } from '../../../pipelines/demo/screen.ts'

function recordingTerminal(columns: number) {
  const written: string[] = []
  return {
    written,
    terminal: { isTTY: true, columns, rows: 24, write: (text: string) => written.push(text) > 0 },
  }
}

describe('the screen', () => {
  it('writes a picture at once, over the one before, clearing nothing first', () => {
    const { written, terminal } = recordingTerminal(10)
    const screen = createScreen(terminal)
    screen.draw(['one', 'two'])
    screen.draw(['three'])
    expect(written).toHaveLength(2)
    expect(written[1]).toBe('\x1b[?2026h\x1b[Hthree\x1b[K\r\n\x1b[J\x1b[?2026l')
  })

  it('does not erase behind a line that ends at the edge, where its last character would go', () => {
    const { written, terminal } = recordingTerminal(5)
    createScreen(terminal).draw(['\x1b[1mabcde\x1b[0m', 'abc'])
    expect(written[0]).toContain('abcde\x1b[0m\r\nabc\x1b[K')
  })

  it('gives the terminal back once, and only if it was taken', () => {
    const { written, terminal } = recordingTerminal(10)
    const screen = createScreen(terminal)
    screen.close()
    expect(written).toEqual([])
    screen.draw(['x'])
    screen.close()
    screen.close()
    expect(written.slice(1)).toEqual(['\x1b[?25h\x1b[?1049l'])
  })
})
