import { withIds } from './named-url.ts'
import type { Layer, ListEntry, Origin, Path, Problem, Setting } from './setting.ts'

export interface MergedLayers {
  /** Tree for the schema to check. */
  readonly tree: Readonly<Record<string, unknown>>
  /** Origin of the value at a path; else that of the nearest table around or within it. */
  readonly originOf: (path: Path) => FoundOrigin
  /** Problems found by the layers. */
  readonly problems: readonly Problem[]
}

export interface FoundOrigin extends Origin {
  /** Rest of the path below the origin's place: empty where the origin is the value's own. */
  readonly rest: Path
}

type ListName = 'sources' | 'outputs'
const ID_PREFIX: Readonly<Record<ListName, string>> = { sources: 's', outputs: 'out' }

/**
 * Merges layers, the weakest first, field by field. A list (sources, outputs) is that of the strongest layer that names
 * one; an entry in it keeps what weaker layers set for the same id, so that `--source cam1=…` changes the URL of the file's
 * cam1 and keeps its settings.
 */
export const merge = (layers: readonly Layer[]): MergedLayers => {
  const all: Setting[] = layers.flatMap((layer) => [...layer.settings])
  const containers: Setting[] = []
  for (const name of ['sources', 'outputs'] as const) {
    for (const [index, entry] of mergedList(layers, name).entries()) {
      containers.push({ path: [name, index], value: undefined, origin: entry.origin })
      all.push(...entry.settings.map((one) => ({ ...one, path: [name, index, ...one.path] })))
    }
  }
  const tree = emptyTable()
  for (const { path, value } of all) setValueAt(tree, path, value)
  return {
    tree,
    originOf: (path) => originOf(path, [...containers, ...all]),
    problems: layers.flatMap(({ problems = [] }) => problems),
  }
}

const mergedList = (layers: readonly Layer[], name: ListName): ListEntry[] => {
  const strongest = layers.findLast((layer) => layer[name] !== undefined)
  const chosen = strongest?.[name] ?? []
  const weaker = layers.slice(0, strongest === undefined ? 0 : layers.indexOf(strongest))
  const ids = withIds(chosen, ID_PREFIX[name])
  const listed = chosen.map((entry, index) => {
    const id: Setting = { path: ['id'], value: ids[index], origin: entry.origin }
    const kept =
      entry.id === undefined ? [] : weaker.flatMap((layer) => settingsOfSameId(layer[name], entry))
    // The id goes first, so that an id of a wrong type in a file is still refused by the schema.
    return { ...entry, settings: [...kept, id, ...entry.settings] }
  })
  return name === 'outputs' ? withExtraOutputs(listed, strongest, layers) : listed
}

/** Merges outputs of the same id: settings of a stronger layer replace those of the list, others only fill gaps. */
const withExtraOutputs = (
  listed: readonly ListEntry[],
  from: Layer | undefined,
  layers: readonly Layer[],
): ListEntry[] => {
  const place = from === undefined ? -1 : layers.indexOf(from)
  const all = [...listed]
  for (const [index, { extraOutputs = [] }] of layers.entries()) {
    for (const entry of extraOutputs) {
      const at = all.findIndex((one) => idOf(one) === entry.id)
      const id: Setting = { path: ['id'], value: entry.id, origin: entry.origin }
      const same = all[at]
      if (same === undefined) all.push({ ...entry, settings: [id, ...entry.settings] })
      else if (index > place) {
        all[at] = { ...same, settings: [...same.settings, ...entry.settings] }
      } else {
        all[at] = { ...same, settings: [...entry.settings, ...same.settings] }
      }
    }
  }
  return all
}

const idOf = ({ settings }: ListEntry): unknown =>
  settings.findLast(({ path }) => path[0] === 'id')?.value

const settingsOfSameId = (
  list: readonly ListEntry[] | undefined,
  entry: ListEntry,
): readonly Setting[] => list?.find(({ id }) => id === entry.id)?.settings ?? []

/** Table without a prototype: a field of a file may be called `__proto__`. */
const emptyTable = (): Record<string, unknown> => Object.create(null) as Record<string, unknown>

const setValueAt = (tree: Record<string, unknown>, path: Path, value: unknown): void => {
  let at = tree as Record<string | number, unknown>
  for (const [index, part] of path.slice(0, -1).entries()) {
    const next = at[part]
    // "none" below, a table above: the stronger layer's shape wins.
    if (typeof next === 'object' && next !== null) at = next as Record<string | number, unknown>
    else at = at[part] = (typeof path[index + 1] === 'number' ? [] : emptyTable()) as typeof at
  }
  at[path.at(-1)!] = value
}

const startsWith = (path: Path, start: Path): boolean =>
  start.length <= path.length && start.every((part, index) => part === path[index])

const originOf = (path: Path, settings: readonly Setting[]): FoundOrigin => {
  let best: Setting | undefined
  for (const setting of settings) {
    const length = setting.path.length
    if (startsWith(path, setting.path) && length >= (best?.path.length ?? 0)) best = setting
  }
  const rest = best === undefined ? [] : path.slice(best.path.length)
  best ??= settings.findLast((setting) => startsWith(setting.path, path))
  return { ...(best?.origin ?? { where: 'configuration' }), rest }
}

/** Value at the path; undefined where there is none. */
export const valueAt = (tree: unknown, path: Path): unknown => {
  let at = tree
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Readonly<Record<string | number, unknown>>)[part]
  }
  return at
}
