import { parse, TomlError } from 'smol-toml'
import { SluiceError } from '../contract/errors.ts'
import { fieldName, isTable } from './field-names.ts'
import {
  type Layer,
  type ListEntry,
  type Origin,
  type Path,
  type Setting,
  formatPath,
} from './setting.ts'
import { tomlLines, type TomlLines } from './toml-lines.ts'

interface TomlFile {
  readonly name: string
  readonly lines: TomlLines
}

/** Reads a configuration file's text. `name` is used in errors. Throws `config_invalid` where it is not TOML. */
export const fileLayer = (name: string, text: string): Layer => {
  const tree = parseToml(name, text)
  const file: TomlFile = { name, lines: tomlLines(text) }
  const { sources, outputs, ...rest } = tree
  return {
    settings: [
      ...flatten(rest, [], file),
      // A list of another type is left to the schema, which reports it.
      ...(isList(sources) ? [] : flatten({ sources }, [], file)),
      ...(isList(outputs) ? [] : flatten({ outputs }, [], file)),
    ],
    ...(isList(sources) ? { sources: listEntries(sources, 'sources', file) } : {}),
    ...(isList(outputs) ? { outputs: listEntries(outputs, 'outputs', file) } : {}),
  }
}

const parseToml = (name: string, text: string): Record<string, unknown> => {
  try {
    return parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    // The parser quotes the lines around the mistake, and one of them may hold a token.
    const [what] = cause.message.replace(/^Invalid TOML document: /, '').split('\n')
    const place = `${name}:${cause.line}:${cause.column}`
    throw new SluiceError('config_invalid', `${place}: not valid TOML: ${what}`, { cause })
  }
}

type Table = Readonly<Record<string, unknown>>

const isList = (value: unknown): value is readonly Table[] =>
  Array.isArray(value) && value.every(isTable)

const listEntries = (list: readonly Table[], name: string, file: TomlFile): ListEntry[] =>
  list.map((table, index) => {
    const place: Path = [name, index]
    const settings = flatten(table, place, file).map((one) => ({ ...one, path: one.path.slice(2) }))
    const id = table['id']
    return { id: typeof id === 'string' ? id : undefined, origin: originAt(place, file), settings }
  })

/** Tables become one setting per leaf, so that layers merge field by field. `written` is the path as in the file. */
const flatten = (value: unknown, path: Path, file: TomlFile, written: Path = path): Setting[] => {
  if (value === undefined) return []
  const within = childrenOf(value)
  if (within.length > 0 || (isTable(value) && path.length === 0)) {
    return within.flatMap(([key, inside]) => {
      const name = isTable(value) ? fieldName(String(key), value, path) : key
      return flatten(inside, [...path, name], file, [...written, key])
    })
  }
  if (isTable(value) && path.length === 2 && typeof path[1] === 'number') return []
  return [{ path, value, origin: originAt(written, file) }]
}

/** Children of a table or a list of tables; none for a single value. */
const childrenOf = (value: unknown): (readonly [string | number, unknown])[] => {
  if (isTable(value)) return Object.entries(value)
  return isList(value) ? value.map((inside, index) => [index, inside] as const) : []
}

const SECRET_FIELDS: ReadonlySet<string | number | undefined> = new Set([
  'token',
  'key',
  'password',
])

const originAt = (path: Path, { name, lines }: TomlFile): Origin => {
  let line: number | undefined
  for (let length = path.length; length > 0 && line === undefined; length--) {
    line = lines.get(JSON.stringify(path.slice(0, length)))
  }
  const where = `${line === undefined ? name : `${name}:${line}`}: ${formatPath(path)}`
  return SECRET_FIELDS.has(path.at(-1)) ? { where, secret: true } : { where }
}
