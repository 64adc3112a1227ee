export type Colour = 'on' | 'off'
export type Style = 'plain' | 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'onair'

/** ECMA-48 8.3.117, Select Graphic Rendition. */
const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  cyan: '36',
  onair: '1;97;41',
}

export const paint = (text: string, style: Style, colour: Colour): string =>
  colour === 'off' || style === 'plain' ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g

/** Removes control characters from outside text (labels, FFmpeg's messages, agents). */
export const stripControls = (text: string): string => text.replaceAll(CONTROL, ' ')

const COMBINING = /^\p{M}|\u200d|\ufe0f$/u
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

const charWidth = (char: string): number => (COMBINING.test(char) ? 0 : WIDE.test(char) ? 2 : 1)

/** Columns that the text takes on a terminal. */
export const textWidth = (text: string): number => {
  let width = 0
  for (const char of text) width += charWidth(char)
  return width
}

/** Cut to at most `width` columns; "…" in the last one marks a cut. */
export const truncate = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text
  if (width <= 0) return ''
  let kept = ''
  let used = 0
  for (const char of text) {
    if (used + charWidth(char) > width - 1) break
    kept += char
    used += charWidth(char)
  }
  return `${kept}…`
}

/** Exactly `width` columns: cut, or padded with spaces on the right (or on the left). */
export const fitWidth = (text: string, width: number, align: 'left' | 'right' = 'left'): string => {
  const cut = truncate(text, width)
  const fill = ' '.repeat(Math.max(0, width - textWidth(cut)))
  return align === 'left' ? cut + fill : fill + cut
}
