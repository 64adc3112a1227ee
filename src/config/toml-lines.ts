/** Line numbers (from 1) by path of key or table: `sources.1.url` is written as JSON of `['sources', 1, 'url']`. */
export type TomlLines = ReadonlyMap<string, number>

type Path = readonly (string | number)[]

const HEADER = /^\s*(\[\[?)([^\]]+)\]/
const KEY =
  /^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$/
const KEY_PART = /"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g

const keyParts = (key: string): string[] =>
  [...key.matchAll(KEY_PART)].map((part) => part[1] ?? part[2] ?? part[3] ?? '')

/**
 * Line of each key of a TOML document: the parser reports lines of syntax errors only, but a wrong value needs one too.
 * Expects text that parsed. Keys inside inline tables have the line of the key that holds them.
 */
export const tomlLines = (text: string): TomlLines => {
  const lines = new Map<string, number>()
  const tables = new Map<string, number>()
  let table: Path = []
  let open = ''
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (open !== '') {
      open = openDelimiter(open, line)
      continue
    }
    const header = HEADER.exec(line)
    if (header !== null) {
      table = tablePath(keyParts(header[2]!), header[1] === '[[' ? 'list' : 'table', tables)
      lines.set(JSON.stringify(table), index + 1)
      continue
    }
    const key = KEY.exec(line)
    if (key === null) continue
    const parts = keyParts(key[1]!)
    for (let length = 1; length <= parts.length; length++) {
      const path = JSON.stringify([...table, ...parts.slice(0, length)])
      if (!lines.has(path)) lines.set(path, index + 1)
    }
    open = openDelimiter('', key[2]!)
  }
  return lines
}

/** The full path of a header: below a `[[list]]` that of its newest member. */
const tablePath = (
  parts: readonly string[],
  kind: 'table' | 'list',
  tables: Map<string, number>,
): Path => {
  const path: (string | number)[] = []
  for (const [index, part] of parts.entries()) {
    path.push(part)
    const name = JSON.stringify(path)
    const count = tables.get(name)
    if (index === parts.length - 1 && kind === 'list') {
      tables.set(name, (count ?? -1) + 1)
      path.push((count ?? -1) + 1)
    } else if (count !== undefined) {
      path.push(count)
    }
  }
  return path
}

/** Delimiter still open at the end of a value's line: a multi-line string (its delimiter) or brackets (one "[" each). */
const openDelimiter = (before: string, line: string): string => {
  let open = before
  for (let at = 0; at < line.length;) {
    const three = line.slice(at, at + 3)
    const one = line[at]!
    if (open === '"""' || open === "'''") {
      const isEscape = one === '\\' && open === '"""'
      if (three === open) open = ''
      at += three === '"""' || three === "'''" ? 3 : isEscape ? 2 : 1
    } else if (three === '"""' || three === "'''") {
      open = three
      at += 3
    } else if (one === '"' || one === "'") {
      at = stringEnd(line, at)
    } else {
      if (one === '#') break
      if (one === '[') open += '['
      if (one === ']') open = open.slice(0, -1)
      at++
    }
  }
  return open
}

const stringEnd = (line: string, from: number): number => {
  const quote = line[from]
  let at = from + 1
  while (at < line.length && line[at] !== quote) at += quote === '"' && line[at] === '\\' ? 2 : 1
  return at + 1
}
