import type { TextOutput } from './io.ts'

const ESC = '\u001b'
/** Another screen buffer, so that what was in the terminal before comes back; no line wrap. */
const ENTER = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l`
const LEAVE = `${ESC}[?7h${ESC}[?25h${ESC}[?1049l`
/** Terminals that know synchronised updates show the frame as a whole; others ignore the marks. */
const BEGIN = `${ESC}[?2026h${ESC}[H`
const END = `${ESC}[J${ESC}[?2026l`

export interface Screen {
  /** Draws these lines from the top left. Lines that are the same as before are not sent again. */
  draw(lines: readonly string[]): void
  /** Forgets what is on the screen: after a change of its size. */
  invalidate(): void
  /** Gives the terminal back as it was. Idempotent. */
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
      // Below the last line nothing may remain of a longer frame.
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
