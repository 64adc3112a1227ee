import { type BusId, PREVIEW, PROGRAM } from '../contract/ids.ts'
import { ConformMode, FailoverMode, IngestMode, RevertPolicy, TakeMode } from '../contract/spec.ts'
import type { ChannelChange } from '../contract/commands.ts'
import { namedUrl } from '../config/named-url.ts'
import { didYouMean } from '../config/suggest.ts'

/** Commands of the terminal. */
export type ConsoleCommand =
  | {
      readonly kind: 'take'
      readonly source: string
      readonly bus: BusId
      readonly mode?: TakeMode
    }
  /** Index in the list, from 0. */
  | { readonly kind: 'take_place'; readonly place: number; readonly bus: BusId }
  | { readonly kind: 'take_preview'; readonly mode?: TakeMode }
  | { readonly kind: 'change'; readonly change: ChannelChange }
  | { readonly kind: 'slate'; readonly wanted: 'on' | 'off' }
  | { readonly kind: 'add'; readonly id?: string; readonly url: string }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'status' }
  | { readonly kind: 'help' }
  | { readonly kind: 'quit' }

export type ParsedCommand =
  | { readonly ok: true; readonly command: ConsoleCommand }
  | { readonly ok: false; readonly problem: string }

export const CONSOLE_HELP: readonly string[] = [
  'Keys:  0-9 take that source (by order)   p take the preview to program   P then 0-9 put on preview',
  '       m status   ? help   q quit   : or any other letter starts a command, Esc leaves it',
  'Commands:',
  '  take <source> [cutover|graceful|seamless]   preview <source>    mode <mode>',
  '  auto on|off    observe    revert auto|manual    slate on|off    conform copy|auto|transcode',
  '  ingest hot|standby    add <id>=<url>    remove <id>    status    help    quit',
]

type CommandParser = (words: readonly string[], rest: string) => ParsedCommand

const accepted = (command: ConsoleCommand): ParsedCommand => ({ ok: true, command })
const rejected = (problem: string): ParsedCommand => ({ ok: false, problem })

/** One word of a fixed set, or a message with the valid ones. */
const choiceParser = <Word extends string>(
  usage: string,
  words: readonly Word[],
  use: (word: Word) => ConsoleCommand,
): CommandParser => {
  return ([given, ...more]) => {
    const word = words.find((one) => one === given)
    if (word !== undefined && more.length === 0) return accepted(use(word))
    const right = `${usage} ${words.join('|')}`
    if (given === undefined) return rejected(`${usage} what? ${right}`)
    return rejected(
      `"${[given, ...more].join(' ')}" is unknown; expected ${right}${didYouMean(given, words)}`,
    )
  }
}

const settingParser = <Word extends string>(
  usage: string,
  words: readonly Word[],
  use: (word: Word) => ChannelChange,
): CommandParser => choiceParser(usage, words, (word) => ({ kind: 'change', change: use(word) }))

const takeParser =
  (bus: BusId): CommandParser =>
  ([source, mode, ...more]) => {
    const usage = bus === PROGRAM ? 'take <source> [mode]' : 'preview <source> [mode]'
    if (source === undefined || more.length > 0) return rejected(`expected ${usage}`)
    if (mode === undefined) return accepted({ kind: 'take', source, bus })
    const known = TakeMode.safeParse(mode)
    if (known.success) return accepted({ kind: 'take', source, bus, mode: known.data })
    return rejected(
      `"${mode}" is not a mode; expected ${TakeMode.options.join(', ')}${didYouMean(mode, TakeMode.options)}`,
    )
  }

const commandWithoutArguments =
  (command: ConsoleCommand): CommandParser =>
  (words) =>
    words.length === 0 ? accepted(command) : rejected(`${command.kind} takes nothing behind it`)

const parseAdd: CommandParser = (_words, rest) => {
  const { id, url } = namedUrl(rest)
  if (url === '') return rejected('expected add <id>=<url>')
  return accepted(id === undefined ? { kind: 'add', url } : { kind: 'add', id, url })
}

const parseRemove: CommandParser = ([id, ...more]) =>
  id === undefined || more.length > 0
    ? rejected('expected remove <id>')
    : accepted({ kind: 'remove', id })

const COMMANDS: Readonly<Record<string, CommandParser>> = {
  take: takeParser(PROGRAM),
  preview: takeParser(PREVIEW),
  mode: settingParser('mode', TakeMode.options, (mode) => ({ mode })),
  auto: settingParser('auto', ['on', 'off'], (word) => ({
    failover: word === 'on' ? 'auto' : 'off',
  })),
  observe: commandWithoutArguments({ kind: 'change', change: { failover: 'observe' } }),
  failover: settingParser('failover', FailoverMode.options, (failover) => ({ failover })),
  revert: settingParser('revert', RevertPolicy.options, (revert) => ({ revert })),
  conform: settingParser('conform', ConformMode.options, (conform) => ({ conform })),
  ingest: settingParser('ingest', IngestMode.options, (ingest) => ({ ingest })),
  slate: choiceParser('slate', ['on', 'off'], (wanted) => ({ kind: 'slate', wanted })),
  add: parseAdd,
  remove: parseRemove,
  status: commandWithoutArguments({ kind: 'status' }),
  help: commandWithoutArguments({ kind: 'help' }),
  quit: commandWithoutArguments({ kind: 'quit' }),
  exit: commandWithoutArguments({ kind: 'quit' }),
}

/** The single keys. A line of just one of them means the same. */
export const keyCommand = (key: string): ConsoleCommand | undefined => {
  if (/^[0-9]$/.test(key)) return { kind: 'take_place', place: Number(key), bus: PROGRAM }
  if (key === 'p') return { kind: 'take_preview' }
  if (key === 'm') return { kind: 'status' }
  if (key === 'q') return { kind: 'quit' }
  return key === '?' ? { kind: 'help' } : undefined
}

const MAX_LINE_CHARS = 5_000

/** A typed line. Undefined when it is empty. */
export const parseCommand = (line: string): ParsedCommand | undefined => {
  const text = line.slice(0, MAX_LINE_CHARS).trim().replace(/^:\s*/, '')
  if (text === '') return undefined
  const key = keyCommand(text)
  if (key !== undefined) return accepted(key)
  const preview = /^P\s*([0-9])$/.exec(text)
  if (preview !== null)
    return accepted({ kind: 'take_place', place: Number(preview[1]), bus: PREVIEW })
  const [name = '', ...words] = text.split(/\s+/)
  const parse = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (parse !== undefined) return parse(words, text.slice(name.length).trim())
  const shown = name.slice(0, 40)
  return rejected(
    `unknown command "${shown}"${didYouMean(name, Object.keys(COMMANDS)) || '; help lists them'}`,
  )
}
