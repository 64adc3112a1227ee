import { ChannelSpec } from '../contract/spec.ts'
import { SluiceError } from '../contract/errors.ts'
import type { Config, ListenAddress } from './config.ts'
import { explain } from './explain.ts'
import { isLoopback, LISTEN_GRAMMAR, parseListen } from './listen.ts'
import { merge, type MergedLayers, valueAt } from './merge.ts'
import { ConfigInput } from './schema.ts'
import { secretsOf } from './secrets.ts'
import type { Layer, Path, Problem } from './setting.ts'
import {
  environmentLayer,
  type Environment,
  type Flags,
  flagsLayer,
  unknownVariables,
} from './text-layer.ts'
import { fileLayer } from './toml-file.ts'
import { Unreadable } from './unreadable.ts'

export interface ConfigRequest {
  readonly flags: Flags
  readonly env: Environment
  /** Path of the configuration file, where one was named. */
  readonly file?: string
  /** Reads a whole text file; throws as node:fs does. */
  readonly readFile: (path: string) => string
}

export interface LoadedConfig {
  readonly config: Config
  /** Sentences for a person; the channel runs nevertheless. */
  readonly warnings: readonly string[]
}

/** Maximum problems reported at once. */
const MAX_PROBLEMS = 20

/**
 * Merges flags over environment over file over defaults and checks the result by the one schema. Throws `config_invalid`
 * with one line per problem (origin, value, and what is expected); `file_missing` for a file that cannot be read.
 */
export const loadConfig = (request: ConfigRequest): LoadedConfig => {
  const file = request.file ?? nonEmpty(request.env['SLUICE_CONFIG'])
  const layers: Layer[] = [
    ...(file === undefined ? [] : [fileLayer(file, readText(file, request.readFile))]),
    environmentLayer(request.env),
    flagsLayer(request.flags),
  ]
  const merged = merge(layers)
  const { input, listen } = validate(merged)
  const token = isTokenFromFile(layers)
    ? readToken(input.tokenFile, merged, request.readFile)
    : input.token
  if (!isLoopback(listen.host) && token === undefined) {
    const { where } = merged.originOf(['listen'])
    throw configError([
      `${where}: ${JSON.stringify(input.listen)} can be reached from other machines, so a token is needed; set SLUICE_TOKEN, --token-file or --token, or listen on 127.0.0.1`,
    ])
  }
  const complete = completeConfig(input, listen, token)
  const secrets = secretsOf(complete.channel, request.env, token)
  return {
    config: deepFreeze({ ...complete, secrets }),
    warnings: unknownVariables(request.env),
  }
}

const validate = (merged: MergedLayers): { input: ConfigInput; listen: ListenAddress } => {
  const early = [...merged.problems, ...grammarProblems(merged)]
  if (early.length > 0) throw configError(early)
  const parsed = ConfigInput.safeParse(merged.tree)
  if (!parsed.success) {
    const refused = { schema: ConfigInput, tree: merged.tree, originOf: merged.originOf }
    throw configError(parsed.error.issues.flatMap((issue) => explain(issue, refused)))
  }
  const problems = [
    ...duplicateIdProblems(parsed.data, merged, 'sources'),
    ...duplicateIdProblems(parsed.data, merged, 'outputs'),
  ]
  const listen = parseListen(parsed.data.listen)
  if (listen === undefined) {
    const { where } = merged.originOf(['listen'])
    problems.push(
      `${where}: ${JSON.stringify(parsed.data.listen)} is not an address to listen on (${LISTEN_GRAMMAR})`,
    )
  }
  if (listen === undefined || problems.length > 0) throw configError(problems)
  return { input: parsed.data, listen }
}

/** Paths whose text has a grammar of its own. */
const GRAMMAR_PATHS: readonly Path[] = [['format'], ['hls', 'ladder', 'variants']]

const grammarProblems = (merged: MergedLayers): Problem[] =>
  GRAMMAR_PATHS.flatMap((path) => {
    const value = valueAt(merged.tree, path)
    if (!(value instanceof Unreadable)) return []
    const { where, given } = merged.originOf(path)
    return [`${where}: ${JSON.stringify(given)} is not ${value.expected}`]
  })

const duplicateIdProblems = (
  input: ConfigInput,
  merged: MergedLayers,
  list: 'sources' | 'outputs',
): Problem[] => {
  const ids: readonly string[] = input[list].map(({ id }) => id)
  return ids.flatMap((id, index) => {
    if (ids.indexOf(id) === index) return []
    const [here, first] = [index, ids.indexOf(id)].map((at) => merged.originOf([list, at]).where)
    return [`${here}: the id ${JSON.stringify(id)} is taken by ${first}; give each its own`]
  })
}

const completeConfig = (
  input: ConfigInput,
  listen: ListenAddress,
  token: string | undefined,
): Omit<Config, 'secrets'> => {
  const {
    channel: channelId,
    listen: _address,
    token: _token,
    tokenFile: _file,
    ffmpeg,
    stateDir,
    logLevel,
    json,
    ...channel
  } = input
  const { transitionTimeout } = channel.hls
  const waits =
    transitionTimeout === undefined ? {} : { startTimeoutMs: Math.round(transitionTimeout * 1_000) }
  return {
    channelId,
    // Parsed once more, so that a field which is not the channel's is refused.
    channel: ChannelSpec.parse({ ...channel, ...waits }),
    listen,
    ...(token === undefined ? {} : { token }),
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
    ...(stateDir === undefined ? {} : { stateDir }),
    logLevel,
    json,
  }
}

/** True if the token comes from a file: the strongest layer with either decides; within one, the token itself wins. */
const isTokenFromFile = (layers: readonly Layer[]): boolean => {
  const mentions = (layer: Layer, name: string): boolean =>
    layer.settings.some(({ path }) => path[0] === name)
  const strongest = layers.findLast(
    (layer) => mentions(layer, 'token') || mentions(layer, 'tokenFile'),
  )
  return strongest !== undefined && !mentions(strongest, 'token')
}

const readToken = (
  path: string | undefined,
  merged: MergedLayers,
  readFile: ConfigRequest['readFile'],
): string | undefined => {
  if (path === undefined) return undefined
  const { where } = merged.originOf(['tokenFile'])
  const [first] = readText(path, readFile, where).split(/\r?\n/)
  const token = ConfigInput.shape.token.safeParse(first?.trim())
  if (token.success && token.data !== undefined) return token.data
  throw configError([
    `${where}: the first line of ${JSON.stringify(path)} is not a token (1 to 512 printable characters without spaces)`,
  ])
}

const readText = (
  path: string,
  readFile: ConfigRequest['readFile'],
  where = '--config',
): string => {
  try {
    return readFile(path)
  } catch (cause) {
    const why =
      cause instanceof Error
        ? cause.message.replace(/^(\w+): (.*?),.*$/s, '$2 ($1)')
        : String(cause)
    throw new SluiceError(
      'file_missing',
      `${where}: ${JSON.stringify(path)} cannot be read: ${why}`,
      { cause },
    )
  }
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

const configError = (found: readonly Problem[]): SluiceError => {
  // A number may be out of range and odd at once: one sentence covers both.
  const problems = [...new Set(found)]
  const more = problems.length - MAX_PROBLEMS
  const shown = problems.slice(0, MAX_PROBLEMS)
  if (more > 0) shown.push(`… and ${more} more`)
  return new SluiceError('config_invalid', shown.join('\n'))
}

const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inside of Object.values(value)) deepFreeze(inside)
  }
  return value
}
