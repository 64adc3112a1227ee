import type { TextOutput } from './io.ts'

const ESC = '\u001b'
/** The alternate screen buffer, which keeps the previous text of the terminal; no line wrap. */
const ENTER = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l`
const LEAVE = `${ESC}[?7h${ESC}[?25h${ESC}[?1049l`
/** Terminals with synchronised updates show the frame as a whole; others ignore the marks. */
const BEGIN = `${ESC}[?2026h${ESC}[H`
const END = `${ESC}[J${ESC}[?2026l`

export interface Screen {
  /** Draws these lines from the top left. Unchanged lines are not sent again. */
  draw(lines: readonly string[]): void
  /** Redraws all lines next time: after a change of size. */
  invalidate(): void
  /** Restores the terminal. Idempotent. */
  restore(): void
}

export const openScreen = (output: TextOutput): Screen => {
  let shown: readonly string[] = []
  let open = true
  output.write(ENTER)
  return {
    draw: (lines) => {
      if (!open) return
      const changed = lines.map((line, row) =>
        line === shown[row] ? '' : `${ESC}[${row + 1};1H${line}${ESC}[K`,
      )
      // Erases the rest of a longer frame below the last line.
      const below =
        lines.length < shown.length ? `${ESC}[${lines.length + 1};1H${END}` : `${ESC}[?2026l`
      if (changed.join('') !== '' || lines.length < shown.length)
        output.write(BEGIN + changed.join('') + below)
      shown = lines
    },
    invalidate: () => {
      shown = []
      if (open) output.write(`${ESC}[2J`)
    },
    restore: () => {
      if (open) output.write(LEAVE)
      open = false
    },
  }
}
