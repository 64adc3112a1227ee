import { HLS_VARIABLES, ICECAST_VARIABLES, KICK_VARIABLES, type NamedVariable } from './options.ts'
import type { ListEntry, Problem, Setting } from './setting.ts'
import { readBoolean } from './typed-text.ts'

/** Outputs configured by variables, in addition to those of any list. */
export interface EnvironmentOutputs {
  readonly outputs: readonly ListEntry[]
  readonly problems: readonly Problem[]
}

type ReadVariable = (name: string) => string | undefined
type ToSettings = (variable: NamedVariable) => readonly Setting[]

const HOST = /^(?:[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?)$/
const MOUNT = /^\/?[^\s?#]+$/

/** Builds the outputs. `read` returns a variable, undefined when empty; `settle` converts it to a setting. */
export const environmentOutputs = (
  read: ReadVariable,
  toSettings: ToSettings,
): EnvironmentOutputs => {
  const created = [icecastOutput(read, toSettings), kickOutput(read, toSettings)]
  return {
    outputs: created.flatMap(({ outputs }) => outputs),
    problems: created.flatMap(({ problems }) => problems),
  }
}

const icecastOutput = (read: ReadVariable, toSettings: ToSettings): EnvironmentOutputs => {
  const enabled = read('ICECAST_ENABLED')
  const problems: Problem[] = []
  const isOn = enabled === undefined ? false : readBoolean(enabled)
  if (isOn === undefined) {
    problems.push(`ICECAST_ENABLED: ${JSON.stringify(enabled)} is not true or false`)
  }
  if (isOn !== true) return { outputs: [], problems }
  const checked = (
    name: string,
    fallback: string,
    expected: string,
    isValid: TextCheck,
  ): string => {
    const given = read(name) ?? fallback
    // The part before "@" is a password.
    const shown = given.replace(/^.*@/s, '***@')
    if (!isValid(given)) problems.push(`${name}: ${JSON.stringify(shown)} is not ${expected}`)
    return given
  }
  const host = checked('ICECAST_HOST', 'icecast', 'a host name or an address', (text) =>
    HOST.test(text),
  )
  const port = checked('ICECAST_PORT', '8000', 'a port (1 to 65535)', isPort)
  const mount = checked(
    'ICECAST_MOUNT',
    '/stream.mp3',
    'a mount as /stream.mp3, without spaces, "?" and "#"',
    (text) => MOUNT.test(text),
  )
  const address = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const url = `icecast://source@${address}:${port}/${mount.replace(/^\//, '')}`
  // Icecast's own default, as in earlier packagers; a password that is set stays in its variable.
  const password =
    read('ICECAST_SOURCE_PASSWORD') === undefined ? 'hackme' : '{env:ICECAST_SOURCE_PASSWORD}'
  const origin = { where: 'ICECAST_HOST, ICECAST_PORT and ICECAST_MOUNT' }
  const settings: Setting[] = [
    { path: ['url'], value: url, origin },
    {
      path: ['icecast', 'password'],
      value: password,
      origin: { where: 'ICECAST_SOURCE_PASSWORD', secret: true },
    },
    ...ICECAST_VARIABLES.flatMap(toSettings),
  ]
  return {
    outputs: [{ id: 'icecast', origin: { where: 'ICECAST_ENABLED' }, settings }],
    problems,
  }
}

type TextCheck = (text: string) => boolean

const isPort: TextCheck = (text) =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535

const kickOutput = (read: ReadVariable, toSettings: ToSettings): EnvironmentOutputs => {
  const url = read('KICK_URL')
  if (url === undefined) return { outputs: [], problems: [] }
  if (read('KICK_KEY') === undefined) {
    return { outputs: [], problems: ['KICK_URL: the stream key is missing; set KICK_KEY as well'] }
  }
  const settings: Setting[] = [
    { path: ['url'], value: url, origin: { where: 'KICK_URL', given: url } },
    {
      path: ['push', 'key'],
      value: '{env:KICK_KEY}',
      origin: { where: 'KICK_KEY', secret: true },
    },
    ...KICK_VARIABLES.flatMap(toSettings),
  ]
  return { outputs: [{ id: 'kick', origin: { where: 'KICK_URL' }, settings }], problems: [] }
}

/** All variables without the SLUICE_ prefix. */
export const NAMED_VARIABLES: readonly string[] = [
  ...[...HLS_VARIABLES, ...ICECAST_VARIABLES, ...KICK_VARIABLES].map(({ variable }) => variable),
  ...['ICECAST_ENABLED', 'ICECAST_HOST', 'ICECAST_PORT', 'ICECAST_MOUNT'],
  ...['ICECAST_SOURCE_PASSWORD', 'KICK_URL', 'KICK_KEY'],
]
