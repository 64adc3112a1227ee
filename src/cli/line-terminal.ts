import { createInterface } from 'node:readline'
import type { RunningApp } from './app-port.ts'
import { channelConsole } from './console.ts'
import type { CliIo, TextOutput } from './io.ts'
import type { Terminal } from './live-terminal.ts'
import { type EventLevel, eventLine, levelOf } from './sentences.ts'
import { statusText } from './status-text.ts'
import type { LogLevel } from '../config/schema.ts'

export interface LineOptions {
  readonly io: CliIo
  readonly output: TextOutput
  readonly form: 'plain' | 'json'
  readonly level: LogLevel
  readonly onQuit: () => void
}

const LEVEL_RANK: Readonly<Record<LogLevel | EventLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
}

/** Without a terminal: events as lines, and each line of standard input is a typed command. */
export const openLineTerminal = (app: RunningApp, options: LineOptions): Terminal => {
  const { io, output, form } = options
  const print = (line: string): void => {
    output.write(`${form === 'json' ? JSON.stringify({ at: Date.now(), answer: line }) : line}\n`)
  }
  const channel = channelConsole(app.port, {
    quit: options.onQuit,
    status: async () => {
      const status = await app.port.status()
      if (form === 'plain') return statusText(status)
      output.write(`${JSON.stringify({ at: Date.now(), status })}\n`)
      return []
    },
  })
  const unsubscribe = app.port.events(0, (stamped) => {
    if (LEVEL_RANK[levelOf(stamped.event)] < LEVEL_RANK[options.level]) return
    output.write(`${form === 'json' ? JSON.stringify(stamped) : eventLine(stamped)}\n`)
  })
  const lines = createInterface({ input: io.stdin, terminal: false })
  // In sequence: a script's second take must not overtake its first.
  let last: Promise<void> = Promise.resolve()
  lines.on('line', (line) => {
    last = last.then(async () => {
      for (const answer of await channel.executeLine(line)) print(answer)
    })
  })
  return {
    showLine: print,
    close: () => {
      unsubscribe()
      lines.close()
      io.stdin.pause()
      // A pipe that stays open must not keep the process alive.
      io.stdin.unref?.()
    },
  }
}
