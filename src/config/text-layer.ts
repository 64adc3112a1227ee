import { z } from 'zod'
import { formatSettings } from './format-text.ts'
import { namedUrl, namedUrlList, type NamedUrl } from './named-url.ts'
import { OTHER_VARIABLES, SCALAR_OPTIONS, type ScalarOption, variableOf } from './options.ts'
import { schemaAt } from './schema-walk.ts'
import { ConfigInput } from './schema.ts'
import type { Layer, ListEntry, Origin, Setting } from './setting.ts'
import { didYouMean } from './suggest.ts'

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
        scalar(option, `--${option.flag}`, flags.scalars[option.flag]),
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
  return {
    settings: [
      ...SCALAR_OPTIONS.flatMap((option) => {
        const name = variableOf(option.flag)
        return scalar(option, name, read(name))
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

/** Variables that look like ours and mean nothing: a warning, as another program may own them. */
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

const scalar = (option: ScalarOption, where: string, given: string | undefined): Setting[] => {
  if (given === undefined) return []
  const origin: Origin = option.secret ? { where, given, secret: true } : { where, given }
  return [{ path: option.path, value: typed(given, option), origin }]
}

const YES = ['true', '1', 'yes', 'on']
const NO = ['false', '0', 'no', 'off']

/** Text that cannot be read as the type stays text: the schema then says what would be right. */
const typed = (given: string, option: ScalarOption): unknown => {
  const schema = schemaAt(ConfigInput, option.path)
  if (schema instanceof z.ZodNumber && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(given)) return Number(given)
  if (schema instanceof z.ZodBoolean && YES.includes(given.toLowerCase())) return true
  if (schema instanceof z.ZodBoolean && NO.includes(given.toLowerCase())) return false
  return given
}

const listEntries = (where: string, list: readonly NamedUrl[]): ListEntry[] =>
  list.map(({ id, url }) => {
    const origin: Origin = { where: id === undefined ? where : `${where} ${id}` }
    const settings: Setting[] = [{ path: ['url'], value: url === '' ? undefined : url, origin }]
    return { id, origin, settings }
  })
