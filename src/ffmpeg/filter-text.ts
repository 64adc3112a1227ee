/** Escapes a value that stands inside a filter's options: FFmpeg's two levels, the option's and the graph's. */
export const escapeFilterValue = (value: string): string =>
  value
    .replace(/[\\':]/g, '\\$&')
    .replace(/[\\'[\],;]/g, '\\$&')
    // Blanks at the ends would be trimmed.
    .replace(/^\s|\s$/g, '\\$&')

/** Wider glyphs than this are rare in the fonts that FFmpeg finds; share of the font size. */
const GLYPH_WIDTH = 0.62
const USABLE_WIDTH = 0.88
const USABLE_HEIGHT = 0.7
const LINE_HEIGHT = 1.3
const MAX_FONT_SHARE = 1 / 9
const MIN_FONT_PIXELS = 8
const MAX_LINES = 12

export interface FrameSize {
  readonly width: number
  readonly height: number
}

export interface TextBlock {
  readonly lines: readonly string[]
  /** Pixels. */
  readonly fontSize: number
}

const wrap = (paragraph: string, columns: number): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of paragraph.split(' ')) {
    for (let rest = word; ; rest = rest.slice(columns)) {
      const joined = line === '' ? rest : `${line} ${rest}`
      if (joined.length <= columns) {
        line = joined
        break
      }
      if (line !== '') lines.push(line)
      line = ''
      if (rest.length <= columns) {
        line = rest
        break
      }
      lines.push(rest.slice(0, columns))
    }
  }
  return [...lines, line]
}

/** Breaks a message into lines, as large as fits the picture. Control characters are left out, newlines kept. */
export const layOutText = (message: string, frame: FrameSize): TextBlock => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  const clean = message.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, ' ')
  const paragraphs = clean.split('\n').map((text) => text.trim())
  for (let fontSize = Math.floor(frame.height * MAX_FONT_SHARE); ; fontSize--) {
    const columns = Math.max(4, Math.floor((frame.width * USABLE_WIDTH) / (fontSize * GLYPH_WIDTH)))
    const lines = paragraphs.flatMap((text) => wrap(text, columns))
    const fits =
      lines.length <= MAX_LINES &&
      lines.length * fontSize * LINE_HEIGHT <= frame.height * USABLE_HEIGHT
    if (fits || fontSize <= MIN_FONT_PIXELS) {
      return { lines: lines.slice(0, MAX_LINES), fontSize: Math.max(MIN_FONT_PIXELS, fontSize) }
    }
  }
}

/** Draws text by `drawtext` filters, one per line so that each is centred; '' for an empty message. */
export const drawMessage = (message: string, frame: FrameSize): string => {
  const { lines, fontSize } = layOutText(message, frame)
  const lineHeight = Math.round(fontSize * LINE_HEIGHT)
  const top = Math.round((frame.height - lines.length * lineHeight) / 2)
  return lines
    .map((line, at) => ({ line, y: top + at * lineHeight }))
    .filter(({ line }) => line !== '')
    .map(({ line, y }) =>
      [
        `drawtext=text=${escapeFilterValue(line)}`,
        'expansion=none',
        'fontcolor=white',
        `fontsize=${fontSize}`,
        'x=(w-text_w)/2',
        // One baseline for all lines, whatever their letters: text_h varies with them.
        `y=${y}+(${lineHeight}-line_h)/2`,
      ].join(':'),
    )
    .join(',')
}
