/** Place of a value in the configuration tree: `['sources', 1, 'url']`. */
export type Path = readonly (string | number)[]

/** Origin of a value, as an error message begins: `--latency`, `SLUICE_MODE`, `channel.toml:12: sources[1].url`. */
export interface Origin {
  readonly where: string
  /** The text as given, where it was parsed from a flag or a variable. Absent for files, which are typed. */
  readonly given?: string
  /** The value must not be shown. */
  readonly secret?: true
}

/**
 * One value of one layer. Lists are whole values, except `sources` and `outputs`, see `ListEntry`, and lists of tables in a
 * file, which are read field by field so that each has its line.
 */
export interface Setting {
  readonly path: Path
  readonly value: unknown
  readonly origin: Origin
}

/** One source or output of a layer; `settings` have paths relative to the entry. */
export interface ListEntry {
  readonly id: string | undefined
  readonly origin: Origin
  readonly settings: readonly Setting[]
}

/** Settings of the flags, the environment or the file. An absent list was not set. */
export interface Layer {
  readonly settings: readonly Setting[]
  readonly sources?: readonly ListEntry[]
  readonly outputs?: readonly ListEntry[]
  /** Outputs in addition to those of any list; each has an id. */
  readonly extraOutputs?: readonly ListEntry[]
  /** Problems found before the schema's check. */
  readonly problems?: readonly Problem[]
}

/** A sentence about one wrong value, origin first: `--latency: "abc" is not a number of milliseconds (0 to 10000)`. */
export type Problem = string

export const formatPath = (path: Path): string =>
  path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`,
    )
    .join('')

/** A path relative to a place already named: `[0].height`. */
export const formatSubpath = (path: Path): string =>
  path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
