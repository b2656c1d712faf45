/** The part of a terminal stream that the screen needs. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): boolean
}

export interface Screen {
  /** Lines for one row less than the terminal has: the last one stays empty. */
  draw(lines: readonly string[]): void
  /** Gives the terminal back as it was. */
  readonly close: () => void
}

/**
 * Draws pictures over each other on the terminal's other page, so that what was on the screen
 * before is there again at the end. A picture is one write between the marks of a synchronised
 * update, and lines are overwritten, never cleared first: nothing flickers.
 */
export function createScreen(terminal: Terminal): Screen {
  let isOpen = false
  return {
    draw: (lines) => {
      const open = isOpen ? '' : '\x1b[?1049h\x1b[?25l'
      isOpen = true
      const width = terminal.columns ?? 80
      const body = lines.map((line) => `${line}${eraseRest(line, width)}`).join('\r\n')
      terminal.write(`${open}\x1b[?2026h\x1b[H${body}\r\n\x1b[J\x1b[?2026l`)
    },
    close: () => {
      if (!isOpen) return
      isOpen = false
      terminal.write('\x1b[?25h\x1b[?1049l')
    },
  }
}

/** A full line needs no erasing, and erasing there would take its last character. */
function eraseRest(line: string, width: number): string {
  const visible = line.replace(/\x1b\[\d+m/g, '').length
  return visible > 0 && visible % width === 0 ? '' : '\x1b[K'
}
