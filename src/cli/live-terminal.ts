import { StringDecoder } from 'node:string_decoder'
import { liveView } from './live-view.ts'
import type { RunningApp } from './app-port.ts'
import { channelConsole } from './console.ts'
import type { CliIo } from './io.ts'
import { type KeyAction, type KeyState, keysOf, pressKey } from './keys.ts'
import { openScreen } from './screen.ts'
import { eventLine, levelOf } from './sentences.ts'
import { statusText } from './status-text.ts'

/** At most four redraws a second. */
const REDRAW_INTERVAL_MS = 250
const MAX_RECENT_LINES = 200
const KEYS_LINE = ' 0-9 take   p preview to program   m status   ? help   : command   q quit'

export interface Terminal {
  /** Shows one line with the recent ones. */
  showLine(line: string): void
  /** Restores the terminal. Idempotent. */
  close(): void
}

/** The live status view with its keys, on a terminal. `onQuit` is called for `q`. */
export const openLiveTerminal = (app: RunningApp, io: CliIo, onQuit: () => void): Terminal => {
  const screen = openScreen(io.stdout)
  const decoder = new StringDecoder('utf8')
  const recent: string[] = []
  let keys: KeyState = { kind: 'keys' }
  // The full status replaces the recent lines.
  let view: 'events' | 'status' = 'events'
  let size = ''

  const showLine = (line: string): void => {
    recent.push(line)
    if (recent.length > MAX_RECENT_LINES) recent.shift()
  }
  let stage: 'open' | 'closed' = 'open'
  const draw = async (): Promise<void> => {
    // Fails when the channel has ended: the screen stays.
    const status = await app.port.status().catch(() => undefined)
    if (status === undefined || stage === 'closed') return
    const columns = Math.max(20, io.stdout.columns ?? 80)
    const rows = Math.max(6, io.stdout.rows ?? 24)
    if (size !== `${columns}x${rows}`) screen.invalidate()
    size = `${columns}x${rows}`
    const below = view === 'status' ? statusText(status) : recent
    const { address } = app
    const colour = io.env['NO_COLOR'] ? 'off' : 'on'
    screen.draw(
      liveView(status, {
        columns,
        rows,
        colour,
        address,
        below,
        keep: view === 'status' ? 'first' : 'last',
        prompt: promptOf(keys),
      }),
    )
  }
  const channel = channelConsole(app.port, {
    quit: onQuit,
    status: async () => {
      view = view === 'status' ? 'events' : 'status'
      return []
    },
  })
  const perform = async (action: KeyAction): Promise<void> => {
    if (action.kind === 'redraw') {
      screen.invalidate()
      return
    }
    const answer =
      action.kind === 'line' ? channel.executeLine(action.text) : channel.execute(action.command)
    for (const line of await answer) {
      // The event of the take was shown already.
      if (!recent.slice(-5).some((shown) => shown.endsWith(line))) showLine(line)
    }
  }
  const onData = (chunk: Buffer): void => {
    for (const key of keysOf(decoder.write(chunk))) {
      const move = pressKey(keys, key)
      keys = move.state
      if (move.action !== undefined) void perform(move.action).then(draw)
    }
    void draw()
  }

  const unsubscribe = app.port.events(0, (stamped) => {
    if (levelOf(stamped.event) !== 'debug') showLine(eventLine(stamped))
  })
  io.stdin.setRawMode?.(true)
  io.stdin.on('data', onData)
  const timer = setInterval(() => void draw(), REDRAW_INTERVAL_MS)
  void draw()
  return {
    showLine,
    close: () => {
      stage = 'closed'
      clearInterval(timer)
      unsubscribe()
      io.stdin.off('data', onData)
      io.stdin.setRawMode?.(false)
      io.stdin.pause()
      screen.restore()
    },
  }
}

const promptOf = (keys: KeyState): string => {
  if (keys.kind === 'line') return `:${keys.text}█`
  return keys.kind === 'preview' ? ' on preview: 0-9, any other key leaves' : KEYS_LINE
}
