import { environmentOutputs } from './environment-outputs.ts'
import { withFieldNames } from './field-names.ts'
import { formatSettings } from './format-text.ts'
import { namedUrl, namedUrlList, type NamedUrl } from './named-url.ts'
import {
  HLS_VARIABLES,
  type NamedVariable,
  OTHER_VARIABLES,
  SCALAR_OPTIONS,
  type ScalarOption,
  variableOf,
} from './options.ts'
import type { Layer, ListEntry, Origin, Path, Setting } from './setting.ts'
import { didYouMean } from './suggest.ts'
import { typedText } from './typed-text.ts'
import { Unreadable } from './unreadable.ts'

/** The flags of `sluice run` as typed. */
export interface Flags {
  /** By flag name without dashes. */
  readonly scalars: Readonly<Record<string, string | undefined>>
  readonly source?: readonly string[]
  readonly sources?: string
  readonly output?: readonly string[]
  readonly format?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

export const flagsLayer = (flags: Flags): Layer => {
  const listed = [
    ...listEntries('--sources', flags.sources === undefined ? [] : namedUrlList(flags.sources)),
    ...listEntries('--source', (flags.source ?? []).map(namedUrl)),
  ]
  const outputs = listEntries('--output', (flags.output ?? []).map(namedUrl))
  const given = flags.sources !== undefined || flags.source !== undefined
  return {
    settings: [
      ...SCALAR_OPTIONS.flatMap((option) =>
        scalarSettings(option, `--${option.flag}`, flags.scalars[option.flag]),
      ),
      ...formatSettings('--format', flags.format),
    ],
    ...(given ? { sources: listed } : {}),
    ...(flags.output === undefined ? {} : { outputs }),
  }
}

/** An empty variable counts as absent: that is how containers pass what was not set. */
export const environmentLayer = (env: Environment): Layer => {
  const read = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  const sources = read('SLUICE_SOURCES')
  const outputs = read('SLUICE_OUTPUTS')
  const created = environmentOutputs(read, (variable) =>
    variableSettings(variable, read(variable.variable), ['outputs', 0, ...variable.path]),
  )
  return {
    problems: created.problems,
    extraOutputs: created.outputs,
    settings: [
      ...HLS_VARIABLES.flatMap((variable) => variableSettings(variable, read(variable.variable))),
      ...SCALAR_OPTIONS.flatMap((option) => {
        const name = variableOf(option.flag)
        return scalarSettings(option, name, read(name))
      }),
      ...formatSettings('SLUICE_FORMAT', read('SLUICE_FORMAT')),
    ],
    ...(sources === undefined
      ? {}
      : { sources: listEntries('SLUICE_SOURCES', namedUrlList(sources)) }),
    ...(outputs === undefined
      ? {}
      : { outputs: listEntries('SLUICE_OUTPUTS', namedUrlList(outputs)) }),
  }
}

/** Warnings for unknown SLUICE_ variables: another program may own them. */
export const unknownVariables = (env: Environment): string[] => {
  const known = [
    ...SCALAR_OPTIONS.map(({ flag }) => variableOf(flag)),
    ...['SLUICE_SOURCES', 'SLUICE_OUTPUTS', 'SLUICE_FORMAT'],
    ...OTHER_VARIABLES,
  ]
  return Object.keys(env)
    .filter((name) => name.startsWith('SLUICE_') && !known.includes(name))
    .map((name) => `${name}: unknown environment variable, ignored${didYouMean(name, known)}`)
}

const scalarSettings = (
  option: ScalarOption,
  where: string,
  given: string | undefined,
): Setting[] => {
  if (given === undefined) return []
  const origin: Origin = option.secret ? { where, given, secret: true } : { where, given }
  return [{ path: option.path, value: typedText(given, option.path), origin }]
}

/** `path` is that of the setting in the whole configuration, where the variable's own is within an output. */
const variableSettings = (
  { variable, path, json }: NamedVariable,
  given: string | undefined,
  fullPath: Path = path,
): Setting[] => {
  if (given === undefined) return []
  const origin: Origin = { where: variable, given }
  if (!json) return [{ path, value: typedText(given, fullPath), origin }]
  try {
    return [{ path, value: withFieldNames(JSON.parse(given), fullPath), origin }]
  } catch {
    return [{ path, value: new Unreadable('valid JSON'), origin }]
  }
}

const listEntries = (where: string, list: readonly NamedUrl[]): ListEntry[] =>
  list.map(({ id, url }) => {
    const origin: Origin = { where: id === undefined ? where : `${where} ${id}` }
    const settings: Setting[] = [{ path: ['url'], value: url === '' ? undefined : url, origin }]
    return { id, origin, settings }
  })
