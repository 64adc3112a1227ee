import type { ChannelPort } from '../contract/channel-port.ts'
import { SluiceError } from '../contract/errors.ts'
import { outputId, SLATE, sourceId, type SourceId } from '../contract/ids.ts'
import { SourceSpec } from '../contract/spec.ts'
import { redactText } from '../lib/redact.ts'
import { stripControls } from './ansi.ts'
import { takeSentence } from './sentences.ts'
import { type ConsoleCommand, CONSOLE_HELP, parseCommand } from './typed-command.ts'

export interface ConsoleActions {
  /** `m` and `status`: depends on the kind of terminal. */
  readonly status: () => Promise<readonly string[]>
  readonly quit: () => void
}

/** Carries out typed commands. Answers are lines to show; no input makes it throw. */
export interface ChannelConsole {
  execute(command: ConsoleCommand): Promise<readonly string[]>
  executeLine(line: string): Promise<readonly string[]>
}

export const channelConsole = (port: ChannelPort, actions: ConsoleActions): ChannelConsole => {
  // Source to which `slate off` returns.
  let beforeSlate: SourceId | undefined

  const slate = async (wanted: 'on' | 'off'): Promise<string> => {
    if (wanted === 'on') {
      const before = (await port.status()).program.wanted
      if (before !== SLATE) beforeSlate = before
      return takeSentence(await port.take({ source: SLATE }))
    }
    const back = await returnSource(port, beforeSlate)
    if (back === undefined) return 'slate off: there is no healthy source to return to'
    return takeSentence(await port.take({ source: back }))
  }

  const perform = async (command: ConsoleCommand): Promise<readonly string[]> => {
    switch (command.kind) {
      case 'take': {
        const { source, bus, mode } = command
        const request = { source: source as SourceId, bus, ...(mode === undefined ? {} : { mode }) }
        return [takeSentence(await port.take(request))]
      }
      case 'take_place': {
        const source = (await port.status()).sources[command.place]
        if (source === undefined) return [`there is no source number ${command.place}`]
        return [takeSentence(await port.take({ source: source.id, bus: command.bus }))]
      }
      case 'take_preview':
        return [takeSentence(await port.takePreview(command.mode))]
      case 'change':
        await port.change(command.change)
        return [describeChange(command.change)]
      case 'slate':
        return [await slate(command.wanted)]
      case 'add': {
        const id = command.id ?? (await freeId(port))
        await port.addSource(parseSource(id, command.url))
        return [`source ${id} added`]
      }
      case 'remove':
        return [await removeById(port, command.id)]
      case 'status':
        return actions.status()
      case 'help':
        return CONSOLE_HELP
      case 'quit':
        actions.quit()
        return ['stopping']
    }
  }

  const execute: ChannelConsole['execute'] = async (command) => {
    try {
      return await perform(command)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const known = error instanceof SluiceError || error instanceof RangeError
      return [stripControls(redactText(known ? message : `fault: ${message}`))]
    }
  }

  return {
    execute,
    executeLine: async (line) => {
      const typed = parseCommand(line)
      if (typed === undefined) return []
      return typed.ok ? execute(typed.command) : [stripControls(redactText(typed.problem))]
    },
  }
}

/** The previously wanted source, while it exists; else the first healthy one by priority. */
const returnSource = async (
  port: ChannelPort,
  before: SourceId | undefined,
): Promise<SourceId | undefined> => {
  const { sources } = await port.status()
  if (sources.some(({ id }) => id === before)) return before
  const healthy = sources.filter((source) => source.healthy)
  return healthy.sort((a, b) => a.priority - b.priority)[0]?.id
}

const describeChange = (change: Readonly<Record<string, unknown>>): string =>
  Object.entries(change)
    .map(([name, value]) => `${name} is now ${String(value)}`)
    .join(', ')

const freeId = async (port: ChannelPort): Promise<string> => {
  const taken = new Set<string>((await port.status()).sources.map(({ id }) => id))
  let number = taken.size
  while (taken.has(`s${number}`)) number++
  return `s${number}`
}

const parseSource = (id: string, url: string): SourceSpec => {
  const parsed = SourceSpec.safeParse({ id, url })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new SluiceError('bad_request', `add ${id}: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** Removes the source, or else the output, of that id. */
const removeById = async (port: ChannelPort, id: string): Promise<string> => {
  const { sources, outputs } = await port.status()
  const isSource = sources.some((source) => source.id === id)
  if (!isSource && outputs.some((output) => output.id === id)) {
    await port.removeOutput(outputId(id))
    return `output ${id} removed`
  }
  await port.removeSource(sourceId(id))
  return `source ${id} removed`
}
